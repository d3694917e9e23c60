"""ST-LPIPS, a perceptual distance that shifts of a few pixels change little.

Ghildyal and Liu, "Shift-tolerant Perceptual Similarity Metric", ECCV 2022. Its two
networks were trained on the human judgements of BAPPS alone: neither has seen ImageNet,
and `vgg` is not VGG16 with its known weights. Not LPIPS, whose numbers are others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.networks.inception import check_images
from ccfpse_tf.files.pretrained import PretrainedFile
from ccfpse_tf.files.pytorch import read_tensors


def _file(trunk, sha256):
    return PretrainedFile(
        title=f"ST-LPIPS ({trunk})",
        name=f"{trunk}_shift_tolerant.pth",
        sha256=sha256,
        licence="BSD 2-clause",
        package="stlpips-pytorch==0.0.2",
        module="stlpips_pytorch",
        folder="weights/vST0.0",
    )


FILES = {
    "alex": _file(
        "alex", "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee"
    ),
    "vgg": _file(
        "vgg", "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250"
    ),
}


@dataclass(frozen=True)
class Convolution:
    """Stride 1, with bias; ``name`` is that in the file."""

    name: str
    channels: int
    size: int = 3
    padding: int = 1


@dataclass(frozen=True)
class Blur:
    """A 3x3 binomial filter with stride 2, on an image reflected by 2 at its edges."""

    name: str


@dataclass(frozen=True)
class Pool:
    """The maximum of ``size`` by ``size`` pixels, stride 1, without padding."""

    size: int


RELU = "relu"


def _blurred(pool, blur, *convolutions):
    """A level of `vgg` or `alex` at half the size of the one before."""
    relus = [step for convolution in convolutions for step in (convolution, RELU)]
    return (Pool(pool), Blur(blur), *relus)


# What leads to each of the five levels of features.
TRUNKS = {
    "alex": (
        (Convolution("slice1.0", 64, 11, 2), Blur("slice1.1"), RELU),
        _blurred(3, "slice2.4", Convolution("slice2.5", 192, 5, 2)),
        _blurred(3, "slice3.8", Convolution("slice3.9", 384)),
        (Convolution("slice4.11", 256), RELU),
        (Convolution("slice5.13", 256), RELU),
    ),
    "vgg": (
        (Convolution("slice1.0", 64), RELU, Convolution("slice1.2", 64), RELU),
        _blurred(2, "slice2.5", *(Convolution(f"slice2.{i}", 128) for i in (6, 8))),
        _blurred(
            2, "slice3.11", *(Convolution(f"slice3.{i}", 256) for i in (12, 14, 16))
        ),
        _blurred(
            2, "slice4.19", *(Convolution(f"slice4.{i}", 512) for i in (20, 22, 24))
        ),
        _blurred(
            2, "slice5.27", *(Convolution(f"slice5.{i}", 512) for i in (28, 30, 32))
        ),
    ),
}
SMALLEST = {"alex": 21, "vgg": 18}  # pixels of height and width


class STLPIPS:
    """The features of one of the two networks, and what weighs them.

    With features ``n`` of length 1 at every pixel, the distance of two images is ``sum
    over levels of mean over pixels of sum over channels of w (n - n')^2``.

    Args:
        trunk: ``"alex"`` or ``"vgg"``.
        weights: path of the file; None takes it from the installed package.

    Attributes:
        trunk: as given.
        name: of the network and its weights, for protocols.
        channel_weights: ``w`` of the five levels, ``(channels,)`` each, none below 0.

    Raises:
        InputError: another trunk, a file that is not there or another one.
    """

    def __init__(self, trunk: str = "alex", weights: str | Path | None = None):
        if trunk not in TRUNKS:
            raise InputError(f"ST-LPIPS {trunk}: choose {' or '.join(TRUNKS)}")
        self.trunk = trunk
        sha256 = FILES[trunk].sha256
        self.name = f"st-lpips {trunk} (learned weights, sha256 {sha256[:16]})"
        path = FILES[trunk].find(weights)
        state = _checked(read_tensors(path), shapes(trunk), path)
        levels = range(len(TRUNKS[trunk]))
        self.channel_weights = [
            tf.constant(state[f"lin{level}.model.1.weight"].reshape(-1))
            for level in levels
        ]
        self._state = {name: tf.constant(_ours(name, x)) for name, x in state.items()}

    def protocol(self) -> dict[str, str]:
        """The facts that must be equal for two results to be comparable."""
        return {
            "network": "st-lpips",
            "trunk": self.trunk,
            "sha256": FILES[self.trunk].sha256,
        }

    def __call__(self, images: np.ndarray) -> list[tf.Tensor]:
        """The five levels of features, not yet of length 1, finest first.

        Args:
            images: uint8 RGB ``(batch, height, width, 3)``.

        Returns:
            float32 ``(batch, rows, columns, channels)`` each.

        Raises:
            InputError: other arrays, or images too small for the network.
        """
        images = check_images(images)
        if min(images.shape[1:3]) < SMALLEST[self.trunk]:
            raise InputError(
                f"ST-LPIPS ({self.trunk}): images of {images.shape[1]}x"
                f"{images.shape[2]} are too small; {SMALLEST[self.trunk]} pixels of "
                "height and of width are the least"
            )
        x = tf.cast(images, tf.float32) / 127.5 - 1
        shift, scale = (self._state[f"scaling_layer.{x}"] for x in ("shift", "scale"))
        x = (x - shift) / scale
        maps = []
        for steps in TRUNKS[self.trunk]:
            for step in steps:
                x = self._apply(step, x)
            maps.append(x)
        return maps

    def _apply(self, step, x):
        if isinstance(step, Convolution):
            sides = [step.padding] * 2
            kernel = self._state[f"net.{step.name}.weight"]
            x = tf.nn.conv2d(x, kernel, 1, [[0, 0], sides, sides, [0, 0]])
            return x + self._state[f"net.{step.name}.bias"]
        if isinstance(step, Blur):
            x = tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]], "REFLECT")
            kernel = self._state[f"net.{step.name}.filt"]
            return tf.nn.depthwise_conv2d(x, kernel, (1, 2, 2, 1), "VALID")
        if isinstance(step, Pool):
            return tf.nn.max_pool2d(x, step.size, 1, "VALID")
        return tf.nn.relu(x)


def shapes(trunk: str) -> dict[str, tuple[int, ...]]:
    """Returns names and shapes of all tensors in a network's file."""
    found = {f"scaling_layer.{name}": (1, 3, 1, 1) for name in ("shift", "scale")}
    channels = 3
    for level, steps in enumerate(TRUNKS[trunk]):
        for step in steps:
            if isinstance(step, Convolution):
                shape = step.channels, channels, step.size, step.size
                found[f"net.{step.name}.weight"] = shape
                found[f"net.{step.name}.bias"] = (step.channels,)
                channels = step.channels
            elif isinstance(step, Blur):
                found[f"net.{step.name}.filt"] = (channels, 1, 3, 3)
        found[f"lin{level}.model.1.weight"] = (1, channels, 1, 1)
    return found


def _checked(state: Mapping[str, np.ndarray], wanted, path):
    problems = [f"{name}: missing" for name in wanted if name not in state]
    for name, value in state.items():
        if name not in wanted:
            problems.append(f"{name}: not in this network")
        elif value.shape != wanted[name] or value.dtype != np.float32:
            problems.append(
                f"{name}: {value.dtype} {value.shape}, expected float32 {wanted[name]}"
            )
        elif not np.isfinite(value).all():
            problems.append(f"{name}: holds values that are not finite")
    if problems:
        raise DataErrors(sorted(problems), f"{path}, read as ST-LPIPS")
    return state


def _ours(name, value):
    """A tensor of the file in TensorFlow's layout."""
    if value.ndim != 4:
        return value
    if name.startswith("scaling_layer"):
        return value.reshape(-1)
    if name.endswith("filt"):  # (channels, 1, rows, columns): each channel by itself
        return value.transpose(2, 3, 0, 1)
    return value.transpose(2, 3, 1, 0)
