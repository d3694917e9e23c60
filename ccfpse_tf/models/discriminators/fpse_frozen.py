"""FPSE on the features of a network that was trained on photographs, and stays so."""

import functools

import keras
import tensorflow as tf

from ccfpse_tf.models.discriminators.fpse import FPSEDiscriminator
from ccfpse_tf.models.perceptual.efficientnet_lite import TAPS, efficientnet_lite

WIDTHS = [24, 40, 112, 320]  # of EfficientNet-Lite0 at strides 4, 8, 16 and 32


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class FrozenFPSEDiscriminator(FPSEDiscriminator):
    """FPSE whose bottom-up path is the frozen EfficientNet-Lite0.

    Top-down path, scores and semantics embedding are those of
    :class:`ccfpse_tf.models.discriminators.fpse.FPSEDiscriminator`; features that are
    learnt from photographs beforehand speed up GANs (Sauer et al., NeurIPS 2021). The
    frozen weights are neither saved nor put into checkpoints, but read again.

    Args:
        semantic_channels: channels of the semantics.
        ndf: base width.
        weights: path of Lite0's weights; None takes those of the installed package.

    Call shapes: as of FPSE. The features that are returned are those of the lateral
    layers, which are learnt: ``4 * ndf`` channels at strides 4, 8, 16, 32.

    Raises:
        InputError: weights that cannot be had.
        ValueError: a size that is not a multiple of 32, or not above 32.
    """

    architecture = "fpse_frozen"

    def __init__(self, semantic_channels, ndf=64, weights=None, **kwargs):
        super().__init__(semantic_channels, ndf, **kwargs)
        self.weights_path = weights
        self._taps = None

    def make_bottom_up(self):
        """See the base class."""
        return WIDTHS

    def build_bottom_up(self):
        """Does nothing: drawing builds this network, too, and has no use for Lite0."""

    def prepare(self):
        """Reads the frozen weights, where the first call would do it too late."""
        if self._taps is None:
            with tf.init_scope():  # variables cannot be made inside of a traced step
                network = efficientnet_lite(0, TAPS[0], self.weights_path)
            # A function, not a layer, so that Keras saves nothing of it.
            self._taps = functools.partial(network, training=False)

    def bottom_up_features(self, image, semantics=None, training=None):
        """See the base class."""
        self.prepare()
        pixels = (tf.cast(image, tf.float32) + 1) * 127.5
        return [tf.cast(x, self.compute_dtype) for x in self._taps(pixels)]

    def matched_features(self, maps, sides):
        """See the base class: the frozen maps would make this a perceptual loss."""
        return sides

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {"weights": self.weights_path}
