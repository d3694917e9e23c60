"""Initial values as the official training run really gets them.

Spectrally normalised convolutions keep PyTorch's default uniform range, because the
official initialiser writes to a stale copy of their kernels once the network has moved
to the GPU; everything else is Xavier normal with a gain of 0.02.
"""

import keras
from keras import ops


def xavier_normal(gain: float = 0.02) -> keras.initializers.Initializer:
    """Normal with ``std = gain * sqrt(2 / (fan_in + fan_out))``, not truncated."""
    return keras.initializers.VarianceScaling(
        scale=gain**2, mode="fan_avg", distribution="untruncated_normal"
    )


def fan_in_uniform() -> keras.initializers.Initializer:
    """Uniform in ``+-1 / sqrt(fan_in)``: PyTorch's default for convolutions."""
    return keras.initializers.VarianceScaling(
        scale=1 / 3, mode="fan_in", distribution="uniform"
    )


def small_normal() -> keras.initializers.Initializer:
    """Normal with standard deviation 0.02: pix2pixHD's, for kernels."""
    return keras.initializers.RandomNormal(stddev=0.02)


def default_bias(fan_in: int) -> keras.initializers.Initializer:
    """Uniform in ``+-1 / sqrt(fan_in)``: PyTorch's default for biases.

    Args:
        fan_in: inputs of a pixel of the convolution, such as 9 times its channels.
    """
    limit = fan_in**-0.5
    return keras.initializers.RandomUniform(-limit, limit)


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class EqualPixels(keras.initializers.Initializer):
    """Convolutions before ``depth_to_space`` start with equal pixels in each block.

    Otherwise a pattern of the block's size shows in images for a long time (Aitken et
    al. 2017, https://arxiv.org/abs/1707.02937, section 4).

    Args:
        block_size: edge of a block, in pixels.
    """

    def __init__(self, block_size: int):
        self.block_size = block_size

    def __call__(self, shape, dtype=None):
        """Returns a Glorot uniform kernel that repeats ``block_size**2`` times."""
        *inner, filters = shape
        glorot = keras.initializers.GlorotUniform()
        kernel = glorot((*inner, filters // self.block_size**2), dtype=dtype)
        return ops.tile(kernel, (*[1] * len(inner), self.block_size**2))

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"block_size": self.block_size}


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class UnitVector(keras.initializers.RandomNormal):
    """A Gaussian vector divided by its Euclidean norm: a uniform direction."""

    def __init__(self, seed: int | None = None):
        super().__init__(mean=0.0, stddev=1.0, seed=seed)

    def __call__(self, shape, dtype=None):
        """Returns a tensor of ``shape`` whose entries have unit Euclidean norm."""
        x = super().__call__(shape, dtype=dtype)
        return x / ops.maximum(ops.sqrt(ops.sum(ops.square(x))), 1e-12)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"seed": super().get_config()["seed"]}
