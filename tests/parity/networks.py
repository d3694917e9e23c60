"""Fixtures of whole networks: small with gradients, full-size forward only."""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.convert.official_tensors import BLOCK_NAMES
from ccfpse_tf.convert.state import load_official
from ccfpse_tf.models.perceptual.loss import PerceptualLoss
from tests.parity import checks, rules
from tests.parity import fixture as build
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import Fixture, nchw, nhwc
from tests.parity.layers import official_gradients, states

MODES = ("eval", "train")


def semantics_of(config, data, prefix="", dtype="float32"):
    """The semantics of a fixture's maps, whose names begin with the prefix."""
    label = tf.constant(data[f"{prefix}label"][:, 0].astype(np.int32))
    instance = None
    if not config["no_instance"]:
        instance = data[f"{prefix}instance"][:, 0]
    return build.layout_encoding(config, dtype)(label, instance)


def unit_image(array):
    """uint8 to ``[-1, 1]`` in float32, as the reference's fixtures do."""
    return nhwc((array.astype(np.float32) / np.float32(255) - 0.5) / np.float32(0.5))


def _gradients(tape, loss_terms, part, inputs):
    """Gradients to all inputs, and to the weights under official names."""
    variables = [variable.value for variable in part.trainable_variables]
    targets, cotangents = zip(*loss_terms, strict=True)
    found = tape.gradient(
        list(targets),
        {"inputs": inputs, "variables": variables},
        [tf.cast(x, y.dtype) for x, y in zip(cotangents, targets, strict=True)],
    )
    return found["inputs"], official_gradients(part, found["variables"])


def generator(fixture: Fixture) -> Iterator[Check]:
    """Small generators of both depths, with and without style code."""
    yield from generators(fixture, build.generator)


def generators(fixture: Fixture, make) -> Iterator[Check]:
    """As :func:`generator`, of any kind that ``make(config, dtype)`` builds."""
    for variant in fixture.config:
        for mode in MODES:
            run = partial(_generator, fixture, make, variant, mode)
            yield from checks.across_kinks(run)


def _generator(fixture, make, variant, mode, dtype):
    data, config, tag = fixture.data, fixture.config[variant], f"{variant}/{mode}"
    # Variants of one depth may share their layout.
    layout = variant if f"{variant}/label" in data else variant.split("_")[0]
    semantics = semantics_of(config, data, f"{layout}/", dtype)
    z = data.get(f"{variant}/z")
    inputs = [] if z is None else [tf.constant(z, dtype)]
    model = make(config, dtype)
    load_official(model, fixture.state(model, ["sd/", f"{variant}/sd/"], variant))
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = model(semantics, *inputs, training=mode == "train")
    yield absolute(f"{tag}/y", nchw(y), data[f"{tag}/y"], checks.OUTPUT[mode])
    terms = [(y, nhwc(data[f"{variant}/cot"]))]
    to_inputs, named = _gradients(tape, terms, model, inputs)
    for found in to_inputs:
        theirs = data[f"{tag}/grad_z"]
        yield relative(f"{tag}/grad_z", found, theirs, checks.GRADIENT)
    yield from checks.gradients(f"{tag}/grad/", f"{tag}/gradsum", data, named)
    if mode == "train":
        yield from states(f"{variant}/state_after/", data, model)


def discriminator(fixture: Fixture) -> Iterator[Check]:
    """Features, scores and the gradients of both, at square and wide images."""
    yield from discriminators(fixture, build.discriminator, MODES)


def discriminators(fixture: Fixture, make, modes) -> Iterator[Check]:
    """As :func:`discriminator`, of any kind.

    Args:
        fixture: with a variant for each of its configurations.
        make: function of a configuration and a dtype that returns the built network.
        modes: of :data:`MODES`; none where the fixture's names have no mode.
    """
    for variant in fixture.config:
        for mode in modes or [None]:
            for dense in (False, True):  # the gradient to semantics exists if dense
                run = partial(_discriminator, fixture, make, variant, mode, dense)
                yield from checks.across_kinks(run)


def _discriminator(fixture, make, variant, mode, dense, dtype):
    data, config = fixture.data, fixture.config[variant]
    tag = f"{variant}/{mode}" if mode else variant
    semantics = semantics_of(config, data, f"{variant}/", dtype)
    if dense:
        semantics = semantics.one_hot(build.label_channels(config))
    image = tf.constant(nhwc(data[f"{variant}/image"]), dtype)
    model = make(config, dtype)
    load_official(model, fixture.state(model, ["sd/"], variant))
    with tf.GradientTape(persistent=True) as tape:
        watched = (image, semantics) if dense else (image,)
        tape.watch(watched)
        outputs = model(image, semantics, training=mode == "train")
    for kind, maps in zip(("feat", "pred"), outputs, strict=True):
        terms, part = [], f"{tag}/{kind}"
        for i, x in _numbered(maps):
            if f"{part}{i}" in data:
                tolerance = checks.OUTPUT[mode or "train"]
                yield absolute(f"{part}{i}", nchw(x), data[f"{part}{i}"], tolerance)
            terms.append((x, nhwc(data[f"{variant}/cot_{kind}{i}"])))
        if f"{part}_gradsum/names" not in data:
            continue
        to_inputs, named = _gradients(tape, terms, model, watched)
        for key, found in zip(("image", "seg"), to_inputs, strict=False):
            name = f"{part}_grad_{key}"
            if name in data:
                yield relative(name, nchw(found), data[name], checks.GRADIENT)
        yield from checks.gradients(f"{part}_grad/", f"{part}_gradsum", data, named)
    if mode == "train":
        yield from states(f"{variant}/state_after/", data, model)


def _numbered(maps):
    """``("0", x)`` of a list, ``("0_1", x)`` of lists in a list."""
    for i, x in enumerate(maps):
        if isinstance(x, list):
            yield from ((f"{i}_{j}", y) for j, y in _numbered(x))
        else:
            yield str(i), x


def encoder(fixture: Fixture) -> Iterator[Check]:
    """The style encoder at several image sizes."""
    sizes = [key.split("/")[0] for key in fixture.data if key.endswith("/cot_mu")]
    for size in sizes:
        for mode in MODES:
            yield from checks.across_kinks(partial(_encoder, fixture, size, mode))


def _encoder(fixture, size, mode, dtype):
    data, tag = fixture.data, f"{size}/{mode}"
    image = tf.constant(nhwc(data[f"{size}/image"]), dtype)
    model = build.encoder(fixture.config, dtype)
    load_official(model, fixture.state(model, ["sd/"]))
    with tf.GradientTape() as tape:
        tape.watch(image)
        outputs = model(image, training=mode == "train")
    terms = []
    for name, y in zip(("mu", "logvar"), outputs, strict=True):
        yield absolute(f"{tag}/{name}", y, data[f"{tag}/{name}"], checks.OUTPUT[mode])
        terms.append((y, data[f"{size}/cot_{name}"]))
    (found,), named = _gradients(tape, terms, model, [image])
    found = nchw(found)
    windows = {"grad_image": found, "grad_image_crop": found[:, :, 64:128, 64:128]}
    for key, window in windows.items():
        name = f"{tag}/{key}"
        if name in data:
            yield relative(name, window, data[name], checks.GRADIENT)
    yield from checks.gradients(f"{tag}/grad/", f"{tag}/gradsum", data, named)
    if mode == "train":
        yield from states("state_after/", data, model)


def full_generator(fixture: Fixture) -> Iterator[Check]:
    """The full-size generator and the outputs of some of its layers."""
    model = build.generator(fixture.config)
    load_official(model, fixture.state(model, ["sd/"]))
    yield from full_image(fixture, model)


def full_image(fixture: Fixture, model) -> Iterator[Check]:
    """The image of a generator, and the outputs of some of its layers."""
    data = fixture.data
    probes = _record_outputs(model)
    z = [data["z"]] if "z" in data else []
    y = model(semantics_of(fixture.config, data), *z, training=False)
    for key in data:
        name = key.removeprefix("probe/")
        if name in probes:
            ours = nchw(probes[name])[:, : data[key].shape[1]]
            yield relative(key, ours, data[key], checks.TRAINING)
    yield absolute("y", nchw(y), data["y"], checks.TRAINING)


def _record_outputs(model):
    """Fills a dictionary with the outputs of the layers that fixtures may probe."""
    outputs = {}
    pyramid = model.pyramid
    layers = dict(zip(BLOCK_NAMES, model.blocks, strict=True))
    groups = {}
    if pyramid is not None:
        groups = {
            "labelenc": pyramid.bottom_up,
            "labellat": pyramid.lateral,
            "labeldec": pyramid.top_down,
        }
    for name, group in groups.items():
        layers |= {f"{name}{i}": layer for i, layer in enumerate(group, 1)}
    for name, layer in layers.items():

        def call(*args, _call=layer.call, _name=name, **kwargs):
            outputs[_name] = _call(*args, **kwargs)
            return outputs[_name]

        layer.call = call
    return outputs


def full_discriminator(fixture: Fixture) -> Iterator[Check]:
    """The full-size discriminator on a generated and a real image."""
    data, config = fixture.data, fixture.config
    model = build.discriminator(config)
    load_official(model, fixture.state(model, ["sd/"]))
    name = fixture.path.name.replace("_D.npz", "_G.npz")  # holds the generated image
    with np.load(fixture.path.with_name(name)) as file:
        fake = nhwc(file["y"])
    images = np.concatenate([fake, unit_image(data["real_u8"])])
    features, scores = model(images, semantics_of(config, data), training=False)
    for i, x in enumerate(scores):
        yield absolute(f"pred{i}", nchw(x), data[f"pred{i}"], checks.TRAINING)
    for i, x in enumerate(features):
        ours, theirs = nchw(x), data[f"feat{i}"]
        yield absolute(f"feat{i}", ours[:, : theirs.shape[1]], theirs, checks.TRAINING)
        name = f"feat{i}/channel_mean"
        yield absolute(name, ours.mean((2, 3)), data[name], checks.TRAINING)


def full_encoder(fixture: Fixture) -> Iterator[Check]:
    """The full-size style encoder."""
    data = fixture.data
    model = build.encoder(fixture.config)
    load_official(model, fixture.state(model, ["sd/"]))
    for key in data:
        if not key.endswith("/image_u8"):
            continue
        case = key.removesuffix("image_u8")
        outputs = model(unit_image(data[key]), training=False)
        for name, y in zip(("mu", "logvar"), outputs, strict=True):
            theirs = data[f"{case}{name}"]
            yield absolute(f"{case}{name}", y, theirs, checks.TRAINING)


def perceptual(fixture: Fixture) -> Iterator[Check]:
    """The perceptual loss, its gradient and features, on weights made by rule."""
    data = fixture.data
    prefix = fixture.entry["weight_prefix"]
    weights = {
        name: rules.tensor(prefix, name, shape, "full", gain=np.sqrt(2))
        for name, shape in fixture.entry["weight_shapes"].items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vgg19.npz")
        np.savez(path, **weights)
        loss = PerceptualLoss("torchvision", str(path))
    fake, real = (tf.constant(nhwc(data[name])) for name in ("fake", "real"))
    with tf.GradientTape() as tape:
        tape.watch(fake)
        value = loss(fake, real)
    yield relative("loss", value, data["loss"], checks.EVALUATION)
    gradient = nchw(tape.gradient(value, fake))
    yield relative("grad_fake", gradient, data["grad_fake"], checks.GRADIENT)
    pairs = zip(loss.features(fake), loss.features(real), strict=True)
    for i, (a, b) in enumerate(pairs, 1):
        name = f"slice{i}/fake_first8"
        yield relative(name, nchw(a)[:, :8], data[name], checks.EVALUATION)
        distance = tf.reduce_mean(tf.abs(a - b))
        name = f"slice{i}/l1"
        yield relative(name, distance, data[name], checks.EVALUATION)
