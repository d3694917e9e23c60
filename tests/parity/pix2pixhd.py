"""Fixtures of pix2pixHD's networks."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import tensorflow as tf

from ccfpse_tf.convert.state import load_official
from ccfpse_tf.models.generators.pix2pixhd import Pix2PixHDGenerator
from ccfpse_tf.models.instance_features import InstanceFeatureEncoder
from ccfpse_tf.ops.layout import Layout
from tests.parity import checks
from tests.parity import fixture as build
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import Fixture, nchw, nhwc
from tests.parity.layers import official_gradients
from tests.parity.rules import gaussian

FLOAT64 = 1e-10  # absolute: of images, which are tanh of the same sums


def make_generator(config, dtype=None) -> Pix2PixHDGenerator:
    """The generator of an official configuration, built."""
    width = config["crop_size"]
    local = config["netG"] == "local"
    pooled = config["instance_feat"] or config["label_feat"]
    model = Pix2PixHDGenerator(
        build.label_channels(config) + (not config["no_instance"]),
        (round(width / config["aspect_ratio"]), width),
        ngf=config["ngf"],
        depth=config["n_downsample_global"],
        blocks=config["n_blocks_global"],
        enhancers=config["n_local_enhancers"] if local else 0,
        enhancer_blocks=config["n_blocks_local"],
        features=config["feat_num"] if pooled else 0,
        dtype=dtype,
    )
    model.build()
    return model


def make_encoder(config, dtype=None) -> InstanceFeatureEncoder:
    """The encoder of an official configuration, built."""
    model = InstanceFeatureEncoder(
        config["feat_num"],
        config["nef"],
        config["n_downsample_E"],
        "label" if config["label_feat"] else "instance",
        dtype=dtype,
    )
    model.build()
    return model


def generator(fixture: Fixture) -> Iterator[Check]:
    """Images and all gradients of global generators and of local enhancers."""
    for variant in fixture.config:
        yield from _images_in_float64(fixture, variant)
        yield from checks.across_kinks(partial(_generator, fixture, variant))


def _forward(fixture, variant, dtype, dense):
    data, config = fixture.data, fixture.config[variant]
    label = tf.constant(data[f"{variant}/label"][:, 0].astype(np.int32))
    instance = None
    if not config["no_instance"]:
        instance = tf.constant(data[f"{variant}/instance"][:, 0])
    semantics = build.layout_encoding(config, dtype)(label, instance)
    if dense:
        semantics = semantics.one_hot(build.label_channels(config))
    model = make_generator(config, dtype)
    load_official(model, fixture.state(model, [], variant))
    return model, semantics


def _images_in_float64(fixture, variant):
    if f"f64/{variant}/y" not in fixture.data:
        return
    for dense in (False, True):
        model, semantics = _forward(fixture, variant, "float64", dense)
        name, y = f"f64/{variant}/y", nchw(model(semantics))
        yield absolute(name, y, fixture.data[name], FLOAT64)


def _generator(fixture, variant, dtype):
    data = fixture.data
    for dense in (False, True):  # the gradient to semantics exists if dense
        model, semantics = _forward(fixture, variant, dtype, dense)
        variables = [v.value for v in model.trainable_variables]
        watched = [semantics] if dense else []
        with tf.GradientTape() as tape:
            tape.watch(watched)
            y = model(semantics)
        yield absolute(f"{variant}/y", nchw(y), data[f"{variant}/y"], checks.EVALUATION)
        cotangent = tf.cast(nhwc(data[f"{variant}/cot"]), y.dtype)
        to_inputs, found = tape.gradient(y, [watched, variables], cotangent)
        named = official_gradients(model, found)
        yield from checks.gradients(
            f"{variant}/grad/", f"{variant}/gradsum", data, named
        )
        for gradient in to_inputs:
            yield from _to_semantics(f"{variant}/gseg/", data, nchw(gradient))


def _to_semantics(prefix, data, ours):
    first = data[f"{prefix}first3"]
    count, channels = first.shape[:2]
    yield relative(f"{prefix}first3", ours[:count, :channels], first, checks.GRADIENT)
    ours = ours.astype(np.float64)
    probe = ours * gaussian("probe/gseg", ours.shape)
    length = np.linalg.norm(ours, axis=(2, 3)).max()
    for name, found in (("sum", ours.sum((2, 3))), ("probe", probe.sum((2, 3)))):
        unit = length * np.sqrt(ours[0, 0].size) if name == "sum" else length
        error = np.abs(found - data[prefix + name]).max() / unit
        yield Check(prefix + name, error, checks.GRADIENT)


def encoder(fixture: Fixture) -> Iterator[Check]:
    """Features before and after pooling, and all gradients."""
    ours = nchw(_encoded(fixture, "float64")[3])
    yield absolute("f64/y", ours, fixture.data["f64/y"], FLOAT64)
    yield from checks.across_kinks(partial(_encoder, fixture))


def _encoded(fixture, dtype):
    data = fixture.data
    model = make_encoder(fixture.config, dtype)
    load_official(model, fixture.state(model, []))
    image = tf.constant(nhwc(data["image"]), dtype)
    instance = tf.constant(data["instance"][:, 0])
    layout = Layout(tf.zeros_like(instance), tf.zeros((*instance.shape, 0)), instance)
    with tf.GradientTape() as tape:
        tape.watch(image)
        y = model(image, layout)
    return model, image, tape, y


def _encoder(fixture, dtype):
    data = fixture.data
    model, image, tape, y = _encoded(fixture, dtype)
    for name, ours in (("y", y), ("before_pooling", model.unpooled(image))):
        yield absolute(name, nchw(ours), data[name], checks.EVALUATION)
    variables = [v.value for v in model.trainable_variables]
    cotangent = tf.cast(nhwc(data["cot"]), y.dtype)
    to_image, found = tape.gradient(y, [image, variables], cotangent)
    yield relative("gimage", nchw(to_image), data["gimage"], checks.GRADIENT)
    named = official_gradients(model, found)
    yield from checks.gradients("grad/", "gradsum", data, named)


KINDS = {"pix2pixhd_generator": generator, "pix2pixhd_encoder": encoder}
