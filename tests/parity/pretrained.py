"""The networks with weights of others; a fixture's entry names the network."""

import re
from collections.abc import Callable, Iterator

import numpy as np

from ccfpse_tf.evaluation.metrics.diversity import mean_pairwise_distance
from ccfpse_tf.evaluation.networks import st_lpips
from ccfpse_tf.files.pretrained import PretrainedFile
from ccfpse_tf.models.perceptual.efficientnet_lite import FILES, efficientnet_lite
from ccfpse_tf.models.perceptual.squeezenet import squeezenet
from ccfpse_tf.models.perceptual.weight_files import SQUEEZENET
from tests.parity.checks import Check, absolute, relative
from tests.parity.coral import coral_deeplab
from tests.parity.fixture import Fixture


def compare(fixture: Fixture) -> Iterator[Check]:
    """Compares one network with a fixture whose ``net`` begins with a name in `NETS`.

    Raises:
        ImportError: the weights are not installed.
    """
    net = fixture.entry["net"]
    for name, run in NETS.items():
        if net.startswith(name):
            yield from run(fixture)
            return
    yield Check(f"no comparison for {net}", float("inf"), 0.0)


def tolerance(fixture: Fixture) -> float:
    """The first number in the manifest's text."""
    text = fixture.entry["tolerance"]
    return float(re.search(r"[0-9.]+(e-?[0-9]+)?", text)[0])


def require(file: PretrainedFile) -> None:
    """Skips a comparison without the weights.

    Raises:
        ImportError: they are not installed; says how to get them.
    """
    if not file.is_here():
        raise ImportError(f"{file.title} is not here: {file.ways()}")


def _st_lpips(fixture: Fixture) -> Iterator[Check]:
    arrays, allowed = fixture.data, tolerance(fixture)
    # Features reach 216, of which float32's rounding is more than the distances may be
    # off: they are compared in units of their largest.
    for trunk, file in st_lpips.FILES.items():
        require(file)
        network = st_lpips.STLPIPS(trunk)
        weights = network.channel_weights
        images = [arrays[f"image_{name}"] for name in "abc"]
        maps = network(np.stack(images))
        for level, features in enumerate(maps):
            key, first = f"{trunk}_feature{level}", features[0].numpy()
            step = max(1, first.shape[0] // 6)
            yield absolute(f"{key}_shape", first.shape, arrays[f"{key}_shape"], 0.0)
            means = first.mean((0, 1))
            yield relative(f"{key}_mean", means, arrays[f"{key}_mean"], allowed)
            sample = first[::step, ::step]
            yield relative(f"{key}_sample", sample, arrays[f"{key}_sample"], allowed)
        for other, name in ((1, "ab"), (2, "ac")):
            pair = [np.take(x, (0, other), 0) for x in maps]
            key = f"{trunk}_{name}"
            distance = mean_pairwise_distance(pair, weights)
            yield absolute(key, distance, arrays[key], allowed)
            layers = [
                mean_pairwise_distance([x], [w])
                for x, w in zip(pair, weights, strict=True)
            ]
            yield absolute(f"{key}_layers", layers, arrays[f"{key}_layers"], allowed)


def _squeezenet(fixture: Fixture) -> Iterator[Check]:
    beside = fixture.path.parents[2] / "weights"
    weights = beside if (beside / SQUEEZENET.name).is_file() else None
    if weights is None:
        require(SQUEEZENET)
    arrays, allowed = fixture.data, tolerance(fixture)
    for key in (key for key in arrays if key.startswith("image_")):
        tag = key.removeprefix("image_")
        names = [x.removesuffix(f"_{tag}_shape") for x in arrays if _of(x, tag)]
        *maps, logits = squeezenet([*names, "logits"], weights)(_pixels(arrays[key]))
        for name, features in zip(names, maps, strict=True):
            step = max(1, features.shape[1] // 5)
            sample = features[0, ::step, ::step, ::4]
            label = f"{name}_{tag}"
            shape = features.shape[1:]
            yield absolute(f"{label}_shape", shape, arrays[f"{label}_shape"], 0.0)
            means = np.asarray(features, np.float64).mean((0, 1, 2))
            yield relative(f"{label}_mean", means, arrays[f"{label}_mean"], allowed)
            yield relative(
                f"{label}_sample", sample, arrays[f"{label}_sample"], allowed
            )
        yield relative(f"logits_{tag}", logits[0], arrays[f"logits_{tag}"], allowed)


def _of(key, tag):
    return key.endswith(f"_{tag}_shape")


def _pixels(image):
    return image[None].astype(np.float32)


def _efficientnet_lite(fixture: Fixture) -> Iterator[Check]:
    variant = int(fixture.entry["net"][len("EfficientNet-Lite")])
    require(FILES[variant])
    arrays, allowed = fixture.data, tolerance(fixture)
    names = [x.removesuffix("_mean") for x in arrays if x.endswith("_mean")]
    levels = [*names, "pool", "logits"]
    found = efficientnet_lite(variant, levels)(_pixels(arrays["image"]))
    found = dict(zip(levels, found, strict=True))
    for name in names:
        features, wanted = found[name], arrays[f"{name}_sample"]
        step = max(1, features.shape[1] // 8)
        channels = features.shape[-1] // wanted.shape[-1]
        sample = features[:, ::step, ::step, ::channels]
        yield absolute(f"{name}_shape", features.shape, arrays[f"{name}_shape"], 0.0)
        means = np.asarray(features, np.float64).mean((0, 1, 2))
        yield absolute(f"{name}_mean", means, arrays[f"{name}_mean"], allowed)
        yield absolute(f"{name}_sample", sample, wanted, allowed)
    for name in ("pool", "logits"):
        yield absolute(name, found[name], arrays[name], allowed)


# By the beginning of what the manifest calls the network.
NETS: dict[str, Callable[[Fixture], Iterator[Check]]] = {
    "SqueezeNet": _squeezenet,
    "EfficientNet-Lite": _efficientnet_lite,
    "ST-LPIPS": _st_lpips,
    "Coral DeepLab": coral_deeplab,
}
