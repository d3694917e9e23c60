"""SPADE's generator, which maps a layout (and a style) to an image."""

import keras

from ccfpse_tf.layers.spade_block import SpadeBlock
from ccfpse_tf.models.generators.block_generator import BlockGenerator


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class SpadeGenerator(BlockGenerator):
    """Residual blocks modulated by the layout (Park et al. 2019, figure 11).

    Args:
        semantic_channels: channels of the semantics (one-hot and edges).
        image_size: ``(height, width)``, multiples of ``2**depth``.
        ngf: base width; blocks have 16, 16, 16, 8, 4, 2 and 1 times as many channels,
            and an eighth one, at depth 7, half as many.
        depth: how often the resolution doubles: 5, 6 or 7.
        z_dim: length of the style code, 0 for a generator without.
        hidden: width inside the modulations.
        recompute: whether training makes what comes from the layout a second time for
            the gradient instead of keeping it, see :class:`SpadeBlock`.

    Call shapes and errors: as :class:`ccfpse_tf.models.generators.ccfpse.Generator`.
    """

    architecture = "spade"
    depths = (5, 6, 7)

    def __init__(
        self,
        semantic_channels,
        image_size,
        ngf=64,
        depth=5,
        z_dim=256,
        hidden=128,
        recompute=True,
        **kwargs,
    ):
        super().__init__(
            semantic_channels,
            image_size,
            ngf,
            depth,
            z_dim,
            hidden,
            recompute,
            pyramid=False,
            **kwargs,
        )

    def make_block(self, filters, upsample):
        """See the base class."""
        return SpadeBlock(
            filters, self.hidden, self.recompute, upsample, dtype=self.dtype_policy
        )

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"recompute": self.recompute}
