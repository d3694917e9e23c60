"""The fixture of SIMS's segments and retrieval, on a small bank."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ccfpse_tf.data.segments.bank import FILE_NAME, FORMAT, MemoryBank, shard_name
from ccfpse_tf.data.segments.extraction import segments_of
from ccfpse_tf.data.segments.search import search
from ccfpse_tf.data.segments.shard import write_shard
from tests.parity import checks
from tests.parity.checks import Check, absolute
from tests.parity.fixture import Fixture

SHARDS = 3  # so that numbers run over several


def retrieval(fixture: Fixture) -> Iterator[Check]:
    """Segments of the queries, every pair's overlap, and the true best ones."""
    data, config = fixture.data, fixture.config
    classes, thin = range(config["classes"]), config["thin_classes"]
    queries = [
        (number, segment)
        for number, label in enumerate(data["query_label"])
        for segment in segments_of(label, classes, thin, config["min_area"])
    ]
    masks = np.array([segment.mask for _, segment in queries])
    yield absolute("segments", masks, data["segments"], checks.EXACT)
    key = "segment_query_class_area_areawiththin"
    rows = [
        (number, segment.label, segment.area, segment.mask_with_thin.sum())
        for number, segment in queries
    ]
    yield absolute(key, rows, data[key], checks.EXACT)
    with tempfile.TemporaryDirectory() as folder:
        bank, places = _bank(Path(folder), data["bank_label"], classes, thin)
        for number, (_, segment) in enumerate(queries):
            yield from _matches(data, config, bank, places, number, segment)


def _bank(folder, labels, classes, thin):
    """A bank of the fixture's layouts, and (image, number within the class) of all."""
    places, images = [], []
    for image, label in enumerate(labels):
        segments = list(segments_of(label, classes, thin))
        counts = dict.fromkeys(classes, 0)
        for segment in segments:
            places.append((image, counts[segment.label]))
            counts[segment.label] += 1
        images.append((str(image), np.zeros((*label.shape, 3), np.uint8), segments))
    for index, part in enumerate(np.array_split(np.arange(len(images)), SHARDS)):
        shard = folder / shard_name(index)
        shard.mkdir()
        write_shard(shard, [images[number] for number in part])
    facts = {
        "format": FORMAT,
        "image_size": labels.shape[1:],
        "class_order": list(classes),
        "thin_classes": thin,
        "shards": SHARDS,
        "images": len(images),
        "segments": len(places),
    }
    (folder / FILE_NAME).write_text(json.dumps(facts))
    return MemoryBank(folder), places


def _matches(data, config, bank, places, number, segment):
    """The best ones by the way that large banks take, and all of them exactly."""
    best = search(bank, segment.mask, segment.label, keep=config["topk"])
    missing = config["topk"] - len(best)
    sources = [places[match.segment] for match in best] + [(-1, -1)] * missing
    ious = [match.iou for match in best] + [0] * missing
    key = f"clean/source {number}"
    yield absolute(key, sources, data["clean/source"][number], checks.EXACT)
    theirs = data["clean/iou"][number]
    yield absolute(f"clean/iou {number}", ious, theirs, checks.ARITHMETIC)
    pairs = data["pairs"][data["pairs"][:, 0] == number]
    theirs = {(i, s): common / union for _, i, s, common, union, *_ in pairs if common}
    everything = len(bank.segments)
    found = search(
        bank, segment.mask, segment.label, keep=everything, candidates=everything
    )
    ours = {places[match.segment]: match.iou for match in found}
    wrong = len(ours.keys() ^ theirs.keys())
    yield absolute(f"pairs {number}, with a common pixel", wrong, 0, checks.EXACT)
    errors = [abs(ours[key] - theirs[key]) for key in ours.keys() & theirs.keys()]
    yield Check(f"pairs {number}", max(errors), checks.ARITHMETIC)
