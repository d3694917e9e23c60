"""The layer form of the conditional depthwise convolution."""

import pytest
import tensorflow as tf

from ccfpse_tf.layers.conditional_convolution import ConditionalDepthwiseConvolution


def test_wrong_number_of_kernel_channels_is_named():
    layer = ConditionalDepthwiseConvolution()
    with pytest.raises(ValueError, match=r"2, 26\).* \(1, 2, 2, 3\).* \(1, 2, 2, 27\)"):
        layer(tf.zeros((1, 2, 2, 3)), tf.zeros((1, 2, 2, 26)))
