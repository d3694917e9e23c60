"""The CC-FPSE generator, which maps a layout (and a style) to an image."""

import keras

from ccfpse_tf.layers.conditional_block import ConditionalBlock
from ccfpse_tf.models.generators.block_generator import BlockGenerator


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class Generator(BlockGenerator):
    """Seven conditional blocks from coarse to fine (section 3.2, figure 2).

    Args:
        semantic_channels: channels of the semantics (one-hot and edges).
        image_size: ``(height, width)``, multiples of ``2**depth``.
        ngf: base width; blocks have 16, 16, 16, 8, 4, 2 and 1 times as many channels.
        depth: how often the resolution doubles: 5, or 6 (the paper's choice for
            512x256 images).
        z_dim: length of the style code, 0 for a generator without.
        hidden: width of the predictors inside the blocks.
        recompute_kernels: whether training recomputes predicted kernels instead of
            keeping them, see :class:`ConditionalBlock`.
        pyramid: whether blocks read the layout pyramid; without it they read the layout
            alone (an ablation of the paper's table 2).

    Call shapes: ``semantics``, a :class:`Layout` or a dense tensor
    ``(batch, height, width, semantic_channels)``, and, with a
    style code, ``z (batch, z_dim)`` to images ``(batch, height, width, 3)`` in
    ``[-1, 1]``. Without a style code other multiples of ``2**depth`` are accepted too.

    Raises:
        ValueError: a size that the depth cannot make; a missing or unexpected ``z``.
    """

    architecture = "ccfpse"

    def __init__(
        self,
        semantic_channels,
        image_size,
        ngf=64,
        depth=5,
        z_dim=256,
        hidden=128,
        recompute_kernels=True,
        pyramid=True,
        **kwargs,
    ):
        super().__init__(
            semantic_channels,
            image_size,
            ngf,
            depth,
            z_dim,
            hidden,
            recompute_kernels,
            pyramid,
            **kwargs,
        )

    @property
    def recompute_kernels(self) -> bool:
        """See the class."""
        return self.recompute

    def make_block(self, filters, upsample):
        """See the base class."""
        return ConditionalBlock(
            filters, self.hidden, self.recompute, upsample, dtype=self.dtype_policy
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "recompute_kernels": self.recompute,
            "pyramid": self.pyramid is not None,
        }
