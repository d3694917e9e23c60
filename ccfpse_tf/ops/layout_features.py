"""What a predictor reads: ReLU(conv3x3(layout)), made again for the gradient.

Every predictor of a block has features of its own. Together they would be the largest
tensors beside the predicted kernels, so none is kept.
"""

import tensorflow as tf

from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.layout_convolution import layout_convolution
from ccfpse_tf.ops.recomputation import checkpointed

# Pixels from which features are made again rather than kept: smaller ones save little,
# and every one of them costs a graph some hundred nodes.
LARGE = 24 * 24


def layout_features(
    layout: Layout | tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tf.Tensor:
    """``ReLU(conv3x3(layout))``, ``(batch, height, width, out)``."""
    return layout_convolution(layout, kernel, bias, relu=True)


def apply_to_features(
    function,
    layout: Layout | tf.Tensor,
    kernel: tf.Tensor,
    bias: tf.Tensor,
    x: tf.Tensor,
    *weights: tf.Tensor,
    again: bool,
) -> tf.Tensor:
    """``function(layout_features(layout, kernel, bias), x, *weights)``.

    Args:
        function: of the tensors alone; it may not change any state.
        layout: a :class:`Layout` or ``(batch, height, width, layout channels)``.
        kernel: ``(3, 3, layout channels, out)``.
        bias: ``(out,)``.
        x: ``(batch, height, width, channels)``.
        *weights: further tensors.
        again: whether features of large maps, and what the function makes of them,
            are made again for the gradient instead of being kept.
    """
    sparse = isinstance(layout, Layout)

    def apply(x, dense, kernel, bias, *weights):
        known = layout._replace(features=dense) if sparse else dense
        return function(layout_features(known, kernel, bias), x, *weights)

    tensors = x, layout.features if sparse else layout, kernel, bias, *weights
    if again and _is_large(x):
        return checkpointed(apply, *tensors)
    return apply(*tensors)


def _is_large(x):
    """True for maps of many pixels, and for those whose size is not known yet."""
    height, width = x.shape[1:3]
    return None in (height, width) or height * width >= LARGE
