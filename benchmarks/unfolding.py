"""The conditional convolution by unfolding: nine shifted copies, then one product.

Written from the paper's equation. PyTorch's form has the official memory order,
`(batch, channels, height, width)` with kernels channel by channel (`9 * c + tap`).
"""

from __future__ import annotations

import importlib.util

import numpy as np

from benchmarks.cpu import tf
from ccfpse_tf.data.prepare.parallel import usable_cores


def patches(x: tf.Tensor, kernels: tf.Tensor) -> tf.Tensor:
    """As ``conditional_depthwise_convolution``, by `tf.image.extract_patches`."""
    ones = [1, 1, 1, 1]
    columns = tf.image.extract_patches(x, [1, 3, 3, 1], ones, ones, "SAME")
    shape = (*x.shape[:3], 9, x.shape[3])
    return tf.reduce_sum(tf.reshape(columns * kernels, shape), 3)


def torch_available() -> bool:
    """Returns whether PyTorch is installed, without importing it."""
    return importlib.util.find_spec("torch") is not None


def torch_call(x: np.ndarray, kernels: np.ndarray, dy: np.ndarray, backward: bool):
    """A call without arguments that runs PyTorch's `unfold` on all cores.

    Args:
        x, dy: `(batch, height, width, channels)`.
        kernels: `(batch, height, width, 9, channels)`.
        backward: whether with both gradients.

    Returns:
        A function giving `[y]`, or `[y, dx, dkernels]`, as PyTorch lays them out.
    """
    import torch

    torch.set_num_threads(usable_cores())
    batch, height, width, channels = x.shape

    def tensor(array, axes):
        return torch.from_numpy(np.ascontiguousarray(array.transpose(axes)))

    x, dy = tensor(x, (0, 3, 1, 2)), tensor(dy, (0, 3, 1, 2))
    kernels = tensor(kernels, (0, 4, 3, 1, 2)).reshape(batch, -1, height, width)

    def convolve():
        columns = torch.nn.functional.unfold(x, 3, padding=1)
        shape = (batch, channels, 9, height, width)
        return (columns.view(shape) * kernels.view(shape)).sum(2)

    def forward():
        with torch.no_grad():
            return [convolve()]

    def forward_and_backward():
        y = convolve()
        return [y.detach(), *torch.autograd.grad(y, [x, kernels], dy)]

    if backward:
        x.requires_grad_()
        kernels.requires_grad_()
    return forward_and_backward if backward else forward


def from_torch(arrays: list[np.ndarray], channels: int) -> list[np.ndarray]:
    """Brings `torch_call`'s results into our memory order."""
    ours = []
    for array in arrays:
        batch, maps, height, width = array.shape
        if maps != channels:  # the kernels' gradient: (channel, tap) to (tap, channel)
            array = array.reshape(batch, channels, 9, height, width).swapaxes(1, 2)
            array = array.reshape(batch, maps, height, width)
        ours.append(array.transpose(0, 2, 3, 1))
    return ours
