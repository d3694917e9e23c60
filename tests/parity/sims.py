"""The fixtures of semi-parametric synthesis: refinement network, retrieval."""

from collections.abc import Iterator
from functools import partial
from unittest import mock

import numpy as np
import tensorflow as tf

from ccfpse_tf.gan.sims import SIMS
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.generators.sims import CONVOLUTIONS, RefinementNetwork
from tests.parity import checks, refinement
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import Fixture, nhwc
from tests.parity.refinement import IMAGE, Tensor, image, official, pixels
from tests.parity.sims_retrieval import retrieval

SEMANTIC = 10  # weight of the cross entropy
# The encoder's stages and convolutions that are not early in the fine form.
LATE = ((1, 2), (2, 2), (5, 1), (5, 2), (5, 3))
NETWORKS = (64, 128, 256, 512, 512, 512)  # channels of the encoder in full


def synthesis(fixture: Fixture) -> Iterator[Check]:
    """Both forms of the refinement network, each in both precisions."""
    for case in fixture.config:
        if f"{case}/label" not in fixture.data:
            continue  # of copies of fixtures
        yield from checks.across_kinks(partial(_forward, fixture, case))
        yield from _forward(fixture, case, "float64")
        for dtype in ("float32", "float64"):
            make = partial(_model, fixture, case, dtype)
            batch = _batch(fixture, case, dtype)
            draw = partial(_draw, batch)
            yield from refinement.trajectory(
                fixture, case, make, batch, draw, _early, dtype
            )


def left_out(fixture: Fixture) -> Iterator[Check]:
    """Networks that their authors call optional, and that we do not have.

    Raises:
        ImportError: always; the runner skips the fixture.
    """
    kind = fixture.entry["kind"]
    raise ImportError(f"{kind}: this optional network of SIMS is left out")
    yield


KINDS = {
    "sims_synthesis": synthesis,
    "sims_retrieval": retrieval,
    "sims_order": left_out,
    "sims_transformer": left_out,
}


def _network(fixture, case, dtype):
    """The network and its tensors, with the fixture's weights."""
    config = fixture.config[case]
    size, fine = (config["sp"], 2 * config["sp"]), config["kind"] == "512"
    widths = [max(2, width // config["width_divisor"]) for width in NETWORKS]
    model = RefinementNetwork(config["channels"], size, widths, fine, dtype=dtype)
    model.build()
    stages = {f"g_encoder_conv{i}": x for i, x in enumerate(model.encoder, 1)}
    count = len(CONVOLUTIONS)
    stages |= {f"g_decoder_conv{count - i}": x for i, x in enumerate(model.decoder)}
    names = ("g_decoder_final", "g_decoder_512")
    stages |= dict(zip(names, model.final, strict=False))
    tensors = [
        tensor
        for name, stage in stages.items()
        for number, layer in enumerate(stage, 1)
        for tensor in refinement.convolution(f"{name}.{name}_{number}", layer)
    ]
    height = 512 if fine else config["sp"]
    heads = {
        f"g_{height}_conv100": model.image_convolution,
        f"g_semantic_{height}" + ("" if fine else "_conv100"): model.score_convolution,
    }
    for name, head in heads.items():
        tensors.append(refinement.kernel(f"{name}.weight", head.kernel))
        tensors.append(Tensor(f"{name}.bias", head.bias))
    refinement.load(tensors, fixture, case)
    return model, tensors


def _batch(fixture, case, dtype):
    data = fixture.data
    labels = {"label": "label_gt", "canvas_label": "label"}
    return {
        "image": image(data, f"{case}/real_u8", dtype),
        # Rounded as the reference does it, in float64 also.
        "canvas": tf.constant(np.float32(nhwc(data[f"{case}/canvas_u8"]) / 255), dtype),
        "mask": tf.constant(data[f"{case}/mask"][:, 0], dtype),
    } | {
        ours: tf.constant(data[f"{case}/{theirs}"][:, 0].astype(np.int32))
        for ours, theirs in labels.items()
    }


def _model(fixture, case, dtype):
    generator, tensors = _network(fixture, case, dtype)
    config = fixture.config[case]
    model = SIMS(
        LayoutEncoding(config["channels"], dtype=dtype), generator, None, dtype=dtype
    )
    model.compile(
        refinement.adam(1e-4),
        loss_weights={"semantic": SEMANTIC},
        perceptual_loss=refinement.perceptual_loss(config["vgg_prefix"], dtype),
    )
    return model, tensors


def _draw(batch, model):
    return model.generator(model._unpack(batch)[1])


def _early(model):
    """The layers whose kernels TensorFlow 1 updates early: the encoder's, a head."""
    network = model.generator
    late = LATE if network.fine else ()
    encoder = [
        layer
        for number, stage in enumerate(network.encoder, 1)
        for place, layer in enumerate(stage, 1)
        if (number, place) not in late
    ]
    return [*encoder, network.score_convolution]


def _forward(fixture, case, dtype):
    """Images, scores, losses, and gradients to the canvas and all weights."""
    data, exact = fixture.data, dtype == "float64"
    at = f"f64/{case}" if exact else case
    model, tensors = _model(fixture, case, dtype)
    batch = _batch(fixture, case, dtype)
    variables = [tensor.variable.value for tensor in tensors]
    scored = []

    def draw(semantics, original=model.generator.draw_with_scores):
        scored.append(original(semantics))
        return scored[-1]

    with (
        tf.GradientTape() as tape,
        mock.patch.object(model.generator, "draw_with_scores", draw),
    ):
        tape.watch(batch["canvas"])
        losses = model._terms(batch, training=True)
        total = losses["perceptual"] + SEMANTIC * losses["semantic"]
    [(y, scores)] = scored
    if f"{at}/y" in data:  # copies of fixtures lack what is large
        yield absolute(f"{at}/y", pixels(y), data[f"{at}/y"], IMAGE)
    if f"{case}/semantic_logits" in data:
        theirs = data[f"{case}/semantic_logits"]
        ours = np.moveaxis(np.asarray(scores), -1, 1)
        yield relative(f"{case}/semantic_logits", ours, theirs, checks.EVALUATION)
    pairs = zip(model.perceptual_loss.features(y), _real(model, batch), strict=True)
    levels = [tf.reduce_mean(tf.abs(a - b)) for a, b in pairs]
    weights = model.perceptual_loss._row.level_weights
    found = [weight * x for weight, x in zip(weights, levels, strict=True)]
    found += [losses["semantic"], total]
    for number, (ours, theirs) in enumerate(
        zip(found, data[f"{at}/losses"], strict=True)
    ):
        yield relative(f"{at}/losses {number}", ours, theirs, checks.EVALUATION)
    found = tape.gradient(total, {"canvas": batch["canvas"], "weights": variables})
    ours = np.moveaxis(np.asarray(found["canvas"]), -1, 1)
    theirs = data[f"{case}/grad_canvas"]
    limit = checks.GRADIENT_AT_KINKS
    yield refinement.length_of_difference(f"{case}/grad_canvas", ours, theirs, limit)
    named = official(tensors, found["weights"])
    yield from checks.gradients(f"{case}/grad/", f"{at}/gradsum", data, named)


def _real(model, batch):
    return model.perceptual_loss.features(batch["image"])
