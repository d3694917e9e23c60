"""Fixtures of the data pipeline: from source arrays to the network's inputs."""

from collections.abc import Iterator

import numpy as np

from ccfpse_tf.data import transforms
from ccfpse_tf.data.label_mapping import file_ids
from tests.parity import checks
from tests.parity.checks import Check, absolute
from tests.parity.fixture import Fixture

DONT_CARE = 255


def data_set(fixture: Fixture) -> Iterator[Check]:
    """Resizing, cropping, flipping and label ids, exactly."""
    for case, config in fixture.config.items():
        if isinstance(config, dict):
            yield from _case(fixture.data, case, config)


def _case(data, case, config):
    source = case.split("/")[0]
    label = transforms.map_labels(data[f"{source}/src_label"], _ids(config))
    size = _load_size(config)
    example = {
        "image": transforms.resize_image(data[f"{source}/src_image"], size),
        "label": transforms.resize_ids(label, size),
    }
    if f"{case}/instance" in data:
        instance = data[f"{source}/src_instance"]
        example["instance"] = transforms.resize_ids(instance, size)
    left, top = config["crop_pos_xy"] or (0, 0)
    window = data[f"{case}/label"].shape[1:]
    cut = transforms.crop_and_flip(example, top, left, config["flip"], window)
    cut["image"] = np.moveaxis(
        np.asarray(transforms.normalize_image(cut["image"])), -1, 0
    )
    for name, ours in cut.items():
        ours = ours if name == "image" else np.asarray(ours)[None]
        key = f"{case}/{name}"
        yield absolute(key, ours, data[key], checks.EXACT)


def _ids(config):
    """File ids to indices: as they are, and 255 to the don't-care index.

    The official ADE20K code computes a shift and drops it.
    """
    count = config["label_nc"]
    return {**file_ids("raw", count, dont_care=True), DONT_CARE: count}


def _load_size(config):
    if config["preprocess_mode"] == "fixed":
        width = config["crop_size"]
        return round(width / config["aspect_ratio"]), width
    return config["load_size"], config["load_size"]
