"""Fixtures of single layers, losses, the optimiser and the data pipeline."""

from collections.abc import Iterator
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from ccfpse_tf.convert.official_tensors import entries
from ccfpse_tf.convert.state import load_official, official_state
from ccfpse_tf.data.transforms import to_uint8
from ccfpse_tf.gan import losses
from ccfpse_tf.gan.optimizers import Adam
from ccfpse_tf.gan.schedules import LinearDecay
from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.ops.conditional_convolution import conditional_depthwise_convolution
from tests.parity import checks
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import (
    Fixture,
    label_channels,
    layout_encoding,
    nchw,
    nhwc,
)

GAN_MODES = {
    "hinge": "hinge",
    "ls": "least_squares",
    "original": "original",
    "w": "wasserstein",
}


def conditional_convolution(fixture: Fixture) -> Iterator[Check]:
    """Output and both gradients of the conditional depthwise convolution."""
    data = fixture.data
    for case in sorted({key.split("/")[0] for key in data if key.startswith("c")}):
        x = tf.constant(nhwc(data[f"{case}/x"]))
        kernels = tf.constant(_tap_major(data[f"{case}/w"]))
        with tf.GradientTape() as tape:
            tape.watch((x, kernels))
            y = conditional_depthwise_convolution(x, kernels)
        gx, gw = tape.gradient(y, (x, kernels), nhwc(data[f"{case}/cot"]))
        yield relative(f"{case}/y", nchw(y), data[f"{case}/y"], checks.ARITHMETIC)
        yield relative(f"{case}/gx", nchw(gx), data[f"{case}/gx"], checks.ARITHMETIC)
        theirs = _tap_major(data[f"{case}/gw"])
        yield relative(f"{case}/gw", gw, theirs, checks.ARITHMETIC)


def _tap_major(kernels):
    """``(n, c * 9, h, w)`` to ``(n, h, w, 9 * c)``."""
    n, channels, h, w = kernels.shape
    split = kernels.reshape(n, channels // 9, 9, h, w)
    return split.transpose(0, 3, 4, 2, 1).reshape(n, h, w, channels)


def block(fixture: Fixture) -> Iterator[Check]:
    """The conditional block, in evaluation and in training mode."""
    for mode in ("eval", "train"):
        yield from checks.across_kinks(partial(_block, fixture, mode))


def _block(fixture, mode, dtype):
    data = fixture.data
    x, layout = (tf.constant(nhwc(data[k]).astype(dtype)) for k in ("x", "seg"))
    layer = ConditionalBlock(fixture.config["fout"], dtype=dtype)
    layer.build(x.shape, layout.shape)
    load_official(layer, fixture.state(layer, ["sd/"]))
    variables = [v.value for v in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch((x, layout))
        y = layer(x, layout, training=mode == "train")
    sources = {"x": x, "layout": layout, "variables": variables}
    found = tape.gradient(y, sources, tf.cast(nhwc(data["cot"]), dtype))
    yield absolute(f"{mode}/y", nchw(y), data[f"{mode}/y"], checks.OUTPUT[mode])
    for key, value in (("gx", found["x"]), ("gseg", found["layout"])):
        theirs = data[f"{mode}/{key}"]
        yield relative(f"{mode}/{key}", nchw(value), theirs, checks.GRADIENT)
    named = official_gradients(layer, found["variables"])
    yield from checks.gradients(f"{mode}/grad/", f"{mode}/gradsum", data, named)
    if mode == "train":
        yield from states("state_after/", data, layer)


def official_gradients(part, gradients) -> dict[str, np.ndarray]:
    """Gradients of all trainable variables under official names and layouts."""
    by_id = {
        id(variable): gradient
        for variable, gradient in zip(part.trainable_variables, gradients, strict=True)
    }
    return {
        entry.name: entry.to_official(np.asarray(by_id[id(entry.variable)]))
        for entry in entries(part)
        if by_id.get(id(entry.variable)) is not None
    }


def states(prefix, data, part) -> Iterator[Check]:
    """Compares buffers after one forward pass in training mode."""
    ours = official_state(part)
    for key in data:
        name = key.removeprefix(prefix)
        if key.startswith(prefix) and name in ours:
            yield absolute(key, ours[name], data[key], checks.STATE)


def loss_functions(fixture: Fixture) -> Iterator[Check]:
    """All GAN modes, feature matching and KL divergence, with gradients."""
    data = fixture.data
    scores = [tf.constant(nhwc(data[f"pred{i}"])) for i in range(3)]
    for short, mode in GAN_MODES.items():
        yield from gan_losses(losses.MEAN_OVER_LEVELS, data, scores, short, mode)
    yield from _feature_matching(data)
    yield from _kl(data)


def gan_losses(adversarial, data, scores, short, mode) -> Iterator[Check]:
    """The GAN losses of one mode, which fixtures call ``short``, with gradients."""
    functions = {
        "D_real": adversarial.discriminator_real,
        "D_fake": adversarial.discriminator_fake,
        "G": adversarial.generator,
    }
    for role, function in functions.items():
        yield from loss_checks(
            f"{short}/{role}",
            data,
            lambda function=function: function(scores, mode),
            {f"pred{i}": score for i, score in enumerate(scores)},
        )


def loss_checks(key, data, function, inputs) -> Iterator[Check]:
    """A loss and its gradients, which the fixture has as ``KEY/grad_NAME``.

    Args:
        key: of the loss in the fixture.
        data: the fixture.
        function: returns the loss.
        inputs: tensors by the names that the fixture has for them.
    """
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = function()
    yield relative(key, [loss], data[key], checks.ARITHMETIC)
    for name, found in tape.gradient(loss, inputs).items():
        name = f"{key}/grad_{name}"
        yield relative(name, nchw(found), data[name], checks.ARITHMETIC)


def _feature_matching(data):
    features = {f"feat{i}": tf.constant(nhwc(data[f"feat{i}"])) for i in range(4)}

    def loss():
        fake, real = zip(*(tf.split(x, 2) for x in features.values()), strict=True)
        return 20 * losses.feature_matching_loss(fake, real)

    yield from loss_checks("feat_matching", data, loss, features)


def _kl(data):
    mu, logvar = tf.constant(data["kld/mu"]), tf.constant(data["kld/logvar"])
    with tf.GradientTape() as tape:
        tape.watch((mu, logvar))
        loss = losses.kl_loss(mu, logvar) * mu.shape[0]  # theirs is the batch's sum
    found = tape.gradient(loss, (mu, logvar))
    yield relative("kld", loss, data["kld"], checks.ARITHMETIC)
    for name, value in zip(("mu", "logvar"), found, strict=True):
        theirs = data[f"kld/grad_{name}"]
        yield relative(f"kld/grad_{name}", value, theirs, checks.ARITHMETIC)


def adam(fixture: Fixture) -> Iterator[Check]:
    """Parameters after each step, as changes from the start."""
    data = fixture.data
    settings = {
        "G": (1e-4, 0.0, 0.9),
        "D": (4e-4, 0.0, 0.9),
        "noTTUR": (2e-4, 0.5, 0.999),
    }
    for tag, (rate, beta_1, beta_2) in settings.items():
        if f"{tag}/p" not in data:
            continue
        variable = keras.Variable(data["p0"])
        optimizer = Adam(rate, beta_1, beta_2)
        optimizer.build([variable])
        for step, gradient in enumerate(data["grads"]):
            optimizer.apply([tf.constant(gradient)], [variable])
            name = f"{tag}/p after step {step + 1}"
            theirs = data[f"{tag}/p"][step]
            yield relative(name, variable, theirs, checks.ARITHMETIC)
        exact = keras.Variable(data["p0"].astype(np.float64), dtype="float64")
        optimizer = Adam(rate, beta_1, beta_2)
        optimizer.build([exact])
        for step, gradient in enumerate(data["grads"].astype(np.float64)):
            optimizer.apply([tf.constant(gradient)], [exact])
            change = np.asarray(exact) - data["p0"].astype(np.float64)
            theirs = data[f"f64/{tag}/p_minus_p0"][step]
            name = f"f64/{tag} after step {step + 1}"
            yield relative(name, change, theirs, checks.ARITHMETIC)


def schedule(fixture: Fixture) -> Iterator[Check]:
    """Rates of both optimisers in every epoch; case names hold the lengths."""
    for key, rows in fixture.data.items():
        words = key.removeprefix("f64/").split("_")
        constant, decay = int(words[0][1:]), int(words[1][1:])
        factors = (1.0, 1.0) if "noTTUR" in words else (0.5, 2.0)
        for column, factor in enumerate(factors, 1):
            rate = LinearDecay(2e-4 * factor, constant, decay, steps_per_epoch=7)
            ours = [float(rate((int(epoch) - 1) * 7 + 6)) for epoch in rows[:, 0]]
            yield relative(f"{key}[{column}]", ours, rows[:, column], checks.ARITHMETIC)


def image_to_uint8(fixture: Fixture) -> Iterator[Check]:
    """The official truncation."""
    ours = to_uint8(tf.constant(nhwc(fixture.data["x"])))
    yield absolute("y", ours, fixture.data["y"], checks.EXACT)


def semantics(fixture: Fixture) -> Iterator[Check]:
    """One-hot labels and instance edges."""
    data = fixture.data
    for case, config in fixture.config.items():
        label = tf.constant(data[f"{case}/label"][:, 0], tf.int32)
        instance = data.get(f"{case}/instance")
        layer = layout_encoding(config)
        ours = layer(label, None if instance is None else instance[:, 0])
        ours = ours.one_hot(label_channels(config))
        name = f"{case}/semantics"
        yield absolute(name, nchw(ours), data[name], checks.EXACT)
