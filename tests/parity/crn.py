"""The fixture of cascaded refinement networks: images, losses, gradients, training."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import tensorflow as tf

from ccfpse_tf.gan.crn import CRN
from ccfpse_tf.gan.losses import best_image_loss
from ccfpse_tf.layers.layout import LayoutEncoding
from ccfpse_tf.models.generators.crn import CRNGenerator, levels_of
from ccfpse_tf.models.perceptual.class_distances import class_distances
from tests.parity import checks, refinement
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import Fixture
from tests.parity.refinement import IMAGE, Tensor, image, official, pixels


def crn(fixture: Fixture) -> Iterator[Check]:
    """One image and several, each in both precisions."""
    for case in fixture.config:
        yield from checks.across_kinks(partial(_forward, fixture, case))
        yield from _forward(fixture, case, "float64")
        for dtype in ("float32", "float64"):
            make = partial(_model, fixture, case, dtype)
            batch = _batch(fixture, case, dtype)
            draw = partial(_draw, batch)
            yield from refinement.trajectory(
                fixture, case, make, batch, draw, _early, dtype
            )


KINDS = {"crn": crn}


def _size(config):
    return config["sp"], 2 * config["sp"]


def _generator(fixture, case, dtype):
    """The network and its tensors, with the fixture's weights."""
    config = fixture.config[case]
    size, classes = _size(config), config["channels"]
    heights = [size[0] >> level for level in range(levels_of(size), -1, -1)]
    widths = [
        config["width_coarse" if height < config["split"] else "width_fine"]
        for height in heights
    ]
    widths[-1] = config.get("width_last", widths[-1])
    model = CRNGenerator(classes, size, widths, config["images"], dtype=dtype)
    model.build()
    tensors, before = [], 0
    for height, (first, second) in zip(heights, model.refinements, strict=True):
        name = f"g_{height}_conv"
        # We have the layout first, which a look-up needs.
        channels = {"classes_first": classes, "before": before}
        tensors += refinement.convolution(f"{name}1", first, **channels)
        tensors += refinement.convolution(f"{name}2", second)
        before = second.filters
    last, name = model.image_convolution, f"g_{heights[-1]}_conv100"
    tensors += [
        refinement.kernel(f"{name}.weight", last.kernel),
        Tensor(f"{name}.bias", last.bias),
    ]
    refinement.load(tensors, fixture, case)
    return model, tensors


def _batch(fixture, case, dtype):
    data = fixture.data
    return {
        "image": image(data, f"{case}/real_u8", dtype),
        "label": tf.constant(data[f"{case}/label"][:, 0].astype(np.int32)),
    }


def _perceptual(fixture, case, dtype):
    return refinement.perceptual_loss(fixture.config[case]["vgg_prefix"], dtype)


def _model(fixture, case, dtype):
    generator, tensors = _generator(fixture, case, dtype)
    config = fixture.config[case]
    layout = LayoutEncoding(config["channels"], dtype=dtype)
    model = CRN(layout, generator, None, dtype=dtype)
    model.compile(
        refinement.adam(config["lr"]),
        perceptual_loss=_perceptual(fixture, case, dtype),
    )
    return model, tensors


def _draw(batch, model):
    semantics = model.layout_encoding(batch["label"])
    return model.generator.draw_all(semantics)


def _early(model):
    """The layers of maps of up to 8 rows, whose kernels TensorFlow 1 updates early."""
    rows = model.generator.image_size[0]
    finest_first = reversed(model.generator.refinements)
    modules = [m for level, m in enumerate(finest_first) if rows >> level <= 8]
    return [layer for module in modules for layer in module]


def _forward(fixture, case, dtype):
    """Images, losses by level, and gradients to images, layout and weights."""
    data, config = fixture.data, fixture.config[case]
    exact = dtype == "float64"
    at = f"f64/{case}" if exact else case
    generator, tensors = _generator(fixture, case, dtype)
    loss, batch = _perceptual(fixture, case, dtype), _batch(fixture, case, dtype)
    label = tf.one_hot(batch["label"], config["channels"], dtype=dtype)
    variables = [tensor.variable.value for tensor in tensors]
    with tf.GradientTape() as tape:
        tape.watch(label)
        images = generator.draw_all(label)
        if config["images"] > 1:
            levels = class_distances(loss, images, batch["image"], label)
            value = best_image_loss(tf.add_n(levels))
        else:
            levels = _levels(loss, images[:, 0], batch["image"])
            value = loss(images[:, 0], batch["image"])
    if f"{at}/y" in data:  # copies of fixtures lack what is large
        yield absolute(f"{at}/y", pixels(images), data[f"{at}/y"], IMAGE)
    yield relative(f"{at}/loss", [value], data[f"{at}/loss"], checks.ARITHMETIC)
    for number, level in enumerate(levels):
        key = f"{at}/p{number}"
        theirs = data[key].reshape(level.shape)
        yield relative(key, level, theirs, checks.EVALUATION)
    found = tape.gradient(value, {"y": images, "label": label, "weights": variables})
    # Of images of 0..255; the loss has kinks, at which single pixels may differ.
    ours = pixels(np.asarray(found["y"]) - 1) / 127.5**2
    if f"{case}/grad_y" in data:
        yield refinement.length_of_difference(
            f"{case}/grad_y", ours, data[f"{case}/grad_y"], checks.GRADIENT
        )
    theirs = data[f"f64/{case}/grad_label"]
    ours = np.moveaxis(np.asarray(found["label"]), -1, 1)
    yield relative(f"f64/{case}/grad_label", ours, theirs, checks.GRADIENT)
    named = official(tensors, found["weights"])
    summary = f"{at}/gradsum"
    yield from checks.gradients(f"{case}/grad/", summary, data, named)


def _levels(loss, fake, real):
    pairs = zip(loss.features(fake), loss.features(real), strict=True)
    weighted = zip(loss._row.level_weights, pairs, strict=True)
    return [tf.reduce_mean(tf.abs(a - b))[None] * weight for weight, (a, b) in weighted]
