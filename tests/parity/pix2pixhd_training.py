"""Fixtures of whole training runs of pix2pixHD, in float32 and in float64."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from ccfpse_tf.convert.state import load_official, official_state
from ccfpse_tf.gan.optimizers import Adam
from ccfpse_tf.gan.pix2pixhd import Pix2PixHD
from ccfpse_tf.gan.schedules import LinearDecay
from tests.parity import checks
from tests.parity import fixture as build
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import Fixture, nchw, nhwc
from tests.parity.layers import official_gradients
from tests.parity.multiscale import pix2pixhd_discriminator
from tests.parity.pix2pixhd import make_encoder, make_generator
from tests.parity.rules import gaussian

# Ours by the fixture's name, with the factor of the fixture's.
LOSSES = {
    "G_GAN": ("gan", 1),
    "G_GAN_Feat": ("feature_matching", 1),
    "D_fake": ("d_fake", 2),  # ours are the halves of what is minimised
    "D_real": ("d_real", 2),
}
FLOAT64, FLOAT32 = 1e-6, 1e-5


class RecordedPix2PixHD(Pix2PixHD):
    """Keeps a step's image and gradients."""

    def _generate(self, *args, **kwargs):
        found = super()._generate(*args, **kwargs)
        self.record["fake"] = found[0]
        return found

    def _apply(self, optimizer, gradients, variables):
        self.record[optimizer.name] = gradients
        return super()._apply(optimizer, gradients, variables)

    def _track(self, logs):
        return logs | self.record


def trajectory(fixture: Fixture) -> Iterator[Check]:
    """All iterations in float64, and all in float32: these networks are not chaotic."""
    yield from exact_trajectory(fixture)
    yield from _trajectory(fixture, "float32", "", FLOAT32)


def exact_trajectory(fixture: Fixture) -> Iterator[Check]:
    """The float64 half of :func:`trajectory`, which proves the training step."""
    yield from _trajectory(fixture, "float64", "f64/", FLOAT64)


def _trajectory(fixture, dtype, prefix, tolerance):
    data = fixture.data
    model, parts = _model(fixture, dtype)
    start = {net: official_state(part) for net, part in parts.items()}
    batch, step = _batch(fixture, dtype), tf.function(model.train_step)
    for iteration in range(fixture.config["iterations"]):
        found = step(batch)
        tag = f"{iteration + 1}"
        for key, (name, factor) in LOSSES.items():
            theirs = data[f"{prefix}losses/{key}"][iteration]
            ours = factor * np.asarray(found[name])
            yield relative(f"{prefix}losses/{key} {tag}", ours, theirs, tolerance)
        theirs = data[f"{prefix}fake_Gstep"][iteration]
        ours = nchw(found["fake"])
        limit = checks.EVALUATION if prefix else 2 * checks.EVALUATION
        yield absolute(f"{prefix}fake_Gstep {tag}", ours, theirs, limit)
        if iteration == 0:
            yield from _gradients(f"{prefix}iter1_grad/", data, parts, found)
    for net, part in parts.items():
        yield from _final(prefix, data, net, start[net], official_state(part))


def _model(fixture, dtype):
    config = fixture.config
    parts = {
        "G": make_generator(config, dtype),
        "D": pix2pixhd_discriminator(config, dtype),
    }
    if config["instance_feat"]:
        parts["E"] = make_encoder(config, dtype)
    for net, part in parts.items():
        load_official(part, fixture.state(part, [], net))
    encoding = build.layout_encoding(config, dtype)
    model = RecordedPix2PixHD(encoding, *parts.values(), dtype=dtype)
    object.__setattr__(model, "record", {})
    # A schedule, as Keras would keep a plain number in float32.
    rate = LinearDecay(config["lr"], 1, 0, 1)
    model.compile(
        *(Adam(rate, config["beta1"], 0.999, name=name) for name in "GD"),
        gan_mode="least_squares",
        loss_weights={"feature_matching": config["lambda_feat"]},
        discriminator_fake="reuse",
    )
    return model, parts


def _batch(fixture, dtype):
    data = fixture.data
    return {
        "image": tf.constant(nhwc(data["image"]).astype(dtype)),
        "label": tf.constant(data["label"][:, 0].astype(np.int32)),
        "instance": tf.constant(data["instance"][:, 0]),
    }


def _gradients(prefix, data, parts, found):
    count = len(parts["G"].trainable_variables)
    of_generator = found["G"]
    gradients = {"G": of_generator[:count], "D": found["D"], "E": of_generator[count:]}
    for net, part in parts.items():
        named = official_gradients(part, gradients[net])
        whole, summary = f"{prefix}{net}/whole/", f"{prefix}{net}"
        yield from checks.gradients(whole, summary, data, named)


def _final(prefix, data, net, start, state):
    """Updates of all tensors but those without a gradient, which rounding moves."""
    names, lengths = (data[f"iter1_grad/{net}/{key}"] for key in ("names", "l2"))
    moved = set(names[lengths >= checks.VANISHING * lengths.max()])
    ours = {name: state[name].astype(np.float64) - start[name] for name in moved}
    if prefix:
        yield from _exact_updates(f"{prefix}summary/{net}", data, ours)
        return
    for name, update in ours.items():
        yield from _update(data, net, name, update, start[name])


def _exact_updates(prefix, data, updates):
    rows = dict(
        zip(data[f"{prefix}/names"], data[f"{prefix}/update_sum_l2_probe"], strict=True)
    )
    for name, ours in updates.items():
        total, length, projection = rows[name]
        probe = gaussian(f"probe/{name}", ours.shape)
        for quantity, value, expected, scale in (
            ("l2", np.linalg.norm(ours), length, length),
            ("sum", ours.sum(), total, length * np.sqrt(ours.size)),
            ("probe", (ours * probe).sum(), projection, length),
        ):
            error = abs(value - expected) / scale
            yield Check(f"{prefix}/{name} update {quantity}", error, checks.STATE)


def _update(data, net, name, update, start):
    """One tensor's update, of which the fixture has the end or half the digits."""
    key = f"final_delta16/{net}/{name}"
    if key in data:
        theirs = data[key].astype(np.float64)
    elif f"final/{net}/{name}" in data:
        theirs = data[f"final/{net}/{name}"].astype(np.float64) - start
    else:
        return
    # A few entries whose gradient is about 0 go either way; the rest must agree.
    error = np.linalg.norm(update - theirs) / np.linalg.norm(theirs)
    yield Check(f"update of {net}/{name}", error, 1e-2)


KINDS = {"pix2pixhd_trajectory": trajectory}
