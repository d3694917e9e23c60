"""The evaluation networks: ``segmenters/*.json`` with their ``.npz`` files."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from ccfpse_tf.evaluation.networks import deeplab, drn, upernet
from ccfpse_tf.evaluation.networks.original_modules import modules
from ccfpse_tf.evaluation.networks.resampling import (
    resize_bilinear,
    transposed_depthwise,
)
from ccfpse_tf.evaluation.networks.weights import load
from tests.parity import rules, segmenter_protocols
from tests.parity.checks import EXACT, Check, absolute
from tests.parity.fixture import nchw, nhwc

LOGITS = 1e-3  # of their standard deviation, whatever a fixture suggests
STAGES = 1e-4  # of the stage's standard deviation


class SegmenterFixture:
    """A description, its arrays, and which of them have been compared.

    Args:
        path: of the ``.json``; the ``.npz`` lies beside it.
    """

    def __init__(self, path: Path):
        self.entry = json.loads(path.read_text())
        with np.load(path.with_suffix(".npz")) as file:
            self.data = {key: file[key] for key in file.files}
        self.compared = set()

    def __getitem__(self, key):
        self.compared.add(key)
        return self.data[key]

    def find(self, key):
        """The key that holds ``key``, whole or thinned out, and the stride there."""
        for found in self.data:
            thinned = re.fullmatch(re.escape(key) + r"_s(\d+)", found)
            if found == key or thinned:
                return found, int(thinned[1]) if thinned else 1
        return None

    def compare(self, key: str, ours, tolerance: float) -> Iterator[Check]:
        """Compares an NHWC array with ``key``, where the fixture has it."""
        found = self.find(key)
        if found is not None:
            key, stride = found
            thin = nchw(ours)[..., ::stride, ::stride]
            yield absolute(key, thin, self[key], tolerance)

    @property
    def images(self):
        """``{name: what the description says of it}``."""
        return self.entry["images"]


def compare(path: Path) -> Iterator[Check]:
    """Everything that a description and its arrays hold."""
    fixture = SegmenterFixture(path)
    kind = fixture.entry["network"]
    network = NETWORKS[kind]()
    state, problems = _state(fixture.entry)
    yield Check("weights by the rule", problems, EXACT)
    load(network, state)
    for image in fixture.images:
        key = f"{image}/input"
        x = network.input_rule(fixture[f"{image}/image_u8"])[None]
        tolerance = fixture.entry["tolerance"]["suggested_max_abs"]["input"]
        yield absolute(key, nchw(x), fixture[key], tolerance)
        x = tf.constant(nhwc(fixture[key]))
        with recorded(network) as stages:
            outputs = dict(OUTPUTS[kind](network, x, fixture.images[image], stages))
        yield from _stages(fixture, image, stages)
        yield from _outputs(fixture, image, outputs)
    yield from segmenter_protocols.RUNS[kind](fixture, network)
    yield from segmenter_protocols.METRICS[kind](fixture)
    for key in sorted(set(fixture.data) - fixture.compared):
        yield Check(f"{key} was compared with nothing", np.inf, EXACT)


def _state(entry):
    """The state dictionary by the rule, and how many of its checks fail."""
    weights, state, problems = entry["weights"], {}, 0
    for tensor in entry["state_dict"]:
        name, shape = tensor["name"], tensor["shape"]
        if name.endswith("num_batches_tracked"):
            state[name] = np.zeros(shape, np.int64)
        elif "rule" in tensor:  # buffers that evaluation never reads
            state[name] = np.full(shape, np.nan, np.float32)
        else:
            value = rules.tensor(weights["salt"], name, shape, "full", weights["gain"])
            state[name] = value
            total = np.abs(value).sum(dtype=np.float64)
            problems += not np.isclose(total, tensor["abs_sum"], rtol=1e-9)
    for name, values in weights["check_values_first4"].items():
        problems += not np.array_equal(state[name].ravel()[:4], np.float32(values))
    return state, problems


@contextmanager
def recorded(network) -> Iterator[dict]:
    """Collects the outputs of all named modules, and of the poolings between them.

    A network that runs at several scales adds ``@scale`` to the names.
    """
    outputs, suffix = {}, [""]
    run_one_scale = getattr(network, "at_one_scale", None)

    def wrap(call, name):
        def recording(*args, **kwargs):
            result = call(*args, **kwargs)
            place = name(*args) if callable(name) else name
            outputs[place + suffix[0]] = result
            return result

        return recording

    def at_one_scale(image):
        done = sum(name.startswith("base.aspp@") for name in outputs)
        suffix[0] = ("@1", "@0.5", "@0.75")[done]
        return wrap(run_one_scale, "base.aspp")(image)

    def bins(_, count):
        return f"decoder.ppm_pooling.{upernet.POOLED_BINS.index(count)}"

    with ExitStack() as stack:
        for name, layer in modules(network):
            patch = mock.patch.object(layer, "call", wrap(layer.call, name))
            stack.enter_context(patch)
        for module, function, name in (
            (upernet, "max_pool", "encoder.maxpool"),
            (upernet, "adaptive_average_pool", bins),
            (deeplab, "max_pool", "base.layer1.pool"),
        ):
            recording = wrap(getattr(module, function), name)
            stack.enter_context(mock.patch.object(module, function, recording))
        if isinstance(network, deeplab.DeepLabV2):
            stack.enter_context(
                mock.patch.object(network, "at_one_scale", at_one_scale)
            )
        yield outputs


def _stages(fixture, image, outputs):
    """Shapes, statistics and single values of all recorded stages."""
    columns = ("name", "shape", "mean", "std", "idx", "val")
    rows = zip(*(fixture[f"{image}/stage_{c}"] for c in columns), strict=True)
    for name, shape, mean, std, index, values in rows:
        label = f"{image}/{name}"
        x = _output_of(str(name), outputs)
        if x is None or nchw(x).shape != tuple(shape):
            yield Check(f"{label} has no counterpart", np.inf, STAGES)
            continue
        x = nchw(x).astype(np.float64)
        there = index >= 0
        error = max(
            abs(x.mean() - mean),
            abs(x.std() - std),
            np.abs(x.ravel()[index[there]] - values[there]).max(),
        )
        yield Check(label, float(error / (std or 1)), STAGES)


def _output_of(name, outputs):
    """The output of a module, or of the one whose output is its own as well."""
    name, at, scale = name.partition("@")
    parent = name.rpartition(".")[0]  # of the ReLU that closes it
    for same in (name, parent, f"{name}.1", f"{name}.0", f"{name}.pool"):
        if same + at + scale in outputs:
            return outputs[same + at + scale]
    return None


def _outputs(fixture, image, outputs):
    limits = fixture.entry["tolerance"]["suggested_max_abs"]
    described = fixture.images[image]["outputs"]
    for name, ours in outputs.items():
        plain = name.removeprefix("sizeratio/")
        limit = limits[plain]
        if plain.startswith("logits"):
            limit = min(limit, LOGITS * described[name]["std"])
        yield from fixture.compare(f"{image}/{name}", ours, limit)


def _drn_outputs(network, x, description, stages):
    yield "log_probs", network(x)
    yield "logits", stages["seg"]
    yield "logits_up", stages["up"]
    stride = network.upsampling.kernel.shape[0] // 2
    tents = np.repeat(drn.bilinear_kernel(stride)[..., None], network.classes, -1)
    enlarged = transposed_depthwise(stages["seg"], tf.constant(tents))
    yield "logits_up_bilinear", enlarged
    yield "log_probs_bilinear", tf.nn.log_softmax(enlarged)


def _upernet_outputs(network, x, description, stages):
    logits = network(x)
    yield "logits", logits
    for tag, size in description["segSize"].items():
        tag = "" if tag == "default" else tag
        enlarged = resize_bilinear(logits, size)
        yield f"logits_seg{tag}", enlarged
        yield f"probs{tag}", tf.nn.softmax(enlarged)


def _deeplab_outputs(network, x, description, stages):
    for prefix, rule in (("sizeratio/", "sizes"), ("", "factor")):
        if prefix and not any(
            name.startswith(prefix) for name in description["outputs"]
        ):
            continue
        stages.clear()
        network.scale_rule = rule
        logits = network(x)
        yield f"{prefix}logits", logits
        for scale in deeplab.SCALES:
            yield f"{prefix}input@{scale}", network.scaled(x, scale)
        for scale in (1, *deeplab.SCALES) if not prefix else deeplab.SCALES:
            yield f"{prefix}logits@{scale}", stages[f"base.aspp@{scale}"]
    yield "logits_up", resize_bilinear(logits, description["size_hw"])


NETWORKS = {
    "drn": drn.DilatedResidualNetwork,
    "upernet": upernet.UPerNet,
    "deeplab": deeplab.DeepLabV2,
}
OUTPUTS = {
    "drn": _drn_outputs,
    "upernet": _upernet_outputs,
    "deeplab": _deeplab_outputs,
}
