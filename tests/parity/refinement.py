"""What the fixtures of CRN and SIMS share: names, perceptual network, trajectories."""

import dataclasses
from collections.abc import Iterator
from unittest import mock

import numpy as np
import tensorflow as tf

from ccfpse_tf.gan.schedules import LinearDecay
from ccfpse_tf.models.perceptual import loss as perceptual
from ccfpse_tf.models.perceptual import vgg19
from tests.parity import rules
from tests.parity.checks import Check, absolute, relative
from tests.parity.fixture import Fixture, nhwc
from tests.parity.tensorflow1 import EARLY, RoundedAdam, early_updates

IMAGE = 1e-5 * 255  # absolute, of images of 0..255
# Of three training steps, in float64 and in float32 (the reference's own noise, twice).
TRAINED_LOSS = {"float64": 1e-6, "float32": 1e-5}  # relative
TRAINED_IMAGE = {"float64": 1e-5 * 255, "float32": 0.7}  # absolute, of 0..255
UPDATE = 1e-6  # of the length of each tensor's update, in float64


def perceptual_loss(prefix: str, dtype: str) -> perceptual.PerceptualLoss:
    """The loss of both methods, with weights by rule, computed in ``dtype``."""
    network = vgg19.mean_pooling_network(dtype)
    index, channels = 0, 3
    counts = (*vgg19.CONVOLUTIONS[:-1], 2)
    for block, (count, width) in enumerate(zip(counts, vgg19.WIDTHS, strict=True), 1):
        for convolution in range(1, count + 1):
            shapes = {"weight": (width, channels, 3, 3), "bias": (width,)}
            kernel, bias = (
                rules.tensor(prefix, f"features.{index}.{leaf}", shape, "full", 2**0.5)
                for leaf, shape in shapes.items()
            )
            layer = network.get_layer(f"block{block}_conv{convolution}")
            if not index:
                kernel = kernel[:, ::-1]  # Keras's weights, and so we, take BGR
            layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
            index, channels = index + 2, width  # a ReLU follows
        index += 1  # a pooling
    name = "vgg19-mean-pooling"
    row = dataclasses.replace(perceptual.NETWORKS[name], open=lambda weights: network)
    with mock.patch.dict(perceptual.NETWORKS, {name: row}):
        return perceptual.PerceptualLoss(name)


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An official name and the variable that it stands for.

    Attributes:
        name: in the fixture.
        variable: ours.
        to_official: from our layout to theirs; its inverse is ``from_official``.
        from_official: see there.
    """

    name: str
    variable: tf.Variable
    to_official: object = np.asarray
    from_official: object = np.asarray


def kernel(name: str, variable, classes_first: int = 0, before: int = 0) -> Tensor:
    """A kernel ``(kh, kw, in, out)`` whose official form is ``(out, in, kh, kw)``.

    Args:
        name: official.
        variable: ours.
        classes_first: input channels of ours that come first and that the official
            kernel has after the ``before`` ones that follow.
        before: see there.
    """

    def forth(x):
        x = np.asarray(x)
        moved = np.roll(x[:, :, : classes_first + before], before, axis=2)
        x = np.concatenate([moved, x[:, :, classes_first + before :]], 2)
        return x.transpose(3, 2, 0, 1)

    def back(x):
        x = np.asarray(x).transpose(2, 3, 1, 0)
        moved = np.roll(x[:, :, : classes_first + before], -before, axis=2)
        return np.concatenate([moved, x[:, :, classes_first + before :]], 2)

    return Tensor(name, variable, forth, back)


def convolution(name: str, layer, **channels) -> list[Tensor]:
    """The tensors of a :class:`LayerNormalizedConvolution`."""
    return [
        kernel(f"{name}.weight", layer.kernel, **channels),
        Tensor(f"{name}.norm.bias", layer.beta),
        Tensor(f"{name}.norm.weight", layer.gamma),
    ]


def load(tensors: list[Tensor], fixture: Fixture, case: str) -> None:
    """Gives all variables the fixture's weights, which are made by rule."""
    prefix, entry = fixture.entry["weight_prefix"][case], fixture.entry
    shapes = {
        tensor.name: tensor.to_official(np.zeros(tensor.variable.shape)).shape
        for tensor in tensors
    }
    if "weight_shapes" in entry:  # copies leave it out
        theirs = entry["weight_shapes"][case]
        assert {name: list(shape) for name, shape in shapes.items()} == theirs
    for tensor in tensors:
        shape = shapes[tensor.name]
        value = rules.tensor(prefix, tensor.name, shape, entry["weight_rule"])
        tensor.variable.assign(tensor.from_official(value))


def official(tensors: list[Tensor], values: list) -> dict[str, np.ndarray]:
    """Values in the order of the tensors, by official name and in official layout."""
    return {
        tensor.name: tensor.to_official(value)
        for tensor, value in zip(tensors, values, strict=True)
    }


def image(data: dict, key: str, dtype: str) -> tf.Tensor:
    """A photograph of bytes in ``[-1, 1]``."""
    return tf.constant(nhwc(data[key].astype(np.float64)) / 127.5 - 1, dtype)


def pixels(images) -> np.ndarray:
    """Images of ``[-1, 1]`` as the fixtures have them: 0..255, channels first."""
    scaled = (np.asarray(images, np.float64) + 1) / 2 * 255
    return np.moveaxis(scaled.reshape(-1, *scaled.shape[-3:]), -1, 1)


def adam(base: float) -> RoundedAdam:
    """The optimiser of both methods."""
    return RoundedAdam(LinearDecay(base, 1, 0, 1))


def trajectory(
    fixture: Fixture, case: str, make, batch, draw, early, dtype: str
) -> Iterator[Check]:
    """Three steps of training, with :func:`tensorflow1.early_updates`.

    Args:
        fixture: has ``trajectory/loss``, the loss before each step and at the end.
        case: of the fixture.
        make: returns a compiled model, and its tensors with the fixture's weights.
        batch: of the model.
        draw: takes the model and returns its images in ``[-1, 1]``.
        early: takes the model and returns the layers that are updated early.
        dtype: of the computation; float64 is compared with the fixture's float64.
    """
    exact = dtype == "float64"
    at = f"f64/{case}/trajectory" if exact else f"{case}/trajectory"
    data, (model, tensors) = fixture.data, make()
    before = official(tensors, [tensor.variable for tensor in tensors])
    before = {name: np.array(value, np.float64) for name, value in before.items()}
    step = tf.function(model.train_step)
    with early_updates(model, early(model)):
        step.get_concrete_function(batch)
    for number, theirs in enumerate(data[f"{at}/loss"]):
        model.reset_metrics()
        run = step if number < 3 else model.test_step
        found = np.asarray(run(batch)["generator_loss"])
        name = f"{at}/loss {number}{EARLY if number else ''}"
        yield relative(name, found, theirs, TRAINED_LOSS[dtype])
    if f"{at}/y_last" in data:
        ours, theirs = pixels(draw(model)), data[f"{at}/y_last"]
        yield absolute(f"{at}/y_last{EARLY}", ours, theirs, TRAINED_IMAGE[dtype])
    if exact:
        after = official(tensors, [tensor.variable for tensor in tensors])
        updates = {name: after[name] - start for name, start in before.items()}
        yield from _updates(data, f"f64/{case}", updates)


def _updates(data, case, ours):
    """Summaries of what three steps add to every tensor."""
    names, rows = (
        data[f"{case}/trajectory/{key}"]
        for key in ("update_names", "update_sum_l2_probe")
    )
    for name, (total, length, projection) in zip(names, rows, strict=True):
        update = ours[name]
        probe = (update * rules.gaussian(f"probe/{name}", update.shape)).sum()
        for quantity, value, theirs, unit in (
            ("sum", update.sum(), total, length * np.sqrt(update.size)),
            ("l2", np.linalg.norm(update), length, length),
            ("probe", probe, projection, length),
        ):
            error = abs(value - theirs) / unit
            label = f"{case}/trajectory/update {name} {quantity}{EARLY}"
            yield Check(label, error, UPDATE)


def length_of_difference(name: str, ours, theirs, tolerance: float) -> Check:
    """In units of the reference's length: kinks of losses move single entries only."""
    length = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    return Check(f"{name}, length of the difference", length, tolerance)
