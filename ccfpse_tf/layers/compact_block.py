"""The compact generator's block: mixtures of learned kernels, steered by the layout."""

import keras
import tensorflow as tf

from ccfpse_tf.layers.normalization import BatchNormalization
from ccfpse_tf.ops import activations
from ccfpse_tf.ops.kernel_mixture import mixture_convolution
from ccfpse_tf.ops.resizing import upsample_nearest


@keras.saving.register_keras_serializable(package="ccfpse_tf")
class CompactBlock(keras.layers.Layer):
    """CC block (section 3.2) whose kernels are mixtures of a few learned ones.

    Twice: ``BN -> mixture convolution -> conv1x1 -> * attention -> leaky ReLU``, added
    to the input (a ``conv1x1`` of it where the number of channels changes) and to an
    offset. One ``conv3x3 -> ReLU -> conv1x1`` of the layout's features predicts all
    that depends on the layout: coefficients of both mixtures, both attentions, and the
    offset, which stands for SPADE's in the paper's shortcut. A style code is added, by
    a linear map, before that ReLU: so it means something else for every class.

    Args:
        filters: channels of the output.
        hidden: width of the predictor.
        mixed: learned kernels of every channel.
        upsample: whether the input is brought to twice its size first (nearest).

    Call shapes: ``x (batch, height, width, channels)``, ``context (batch, H, W,
    context channels)`` of the output's size and, or None, ``z (batch, z_dim)``, to
    ``(batch, H, W, filters)``, twice the input's size if ``upsample``.
    """

    def __init__(self, filters, hidden=32, mixed=4, upsample=False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.hidden = hidden
        self.mixed = mixed
        self.upsample = upsample

    def build(self, x_shape, context_shape, z_shape=None):
        """Creates predictor, mixtures, norms, convolutions and, if needed, shortcut."""
        channels, filters, dtype = x_shape[-1], self.filters, self.dtype_policy
        size = (None, None, None)

        def convolution(width, kernel_size, inputs, **options):
            layer = keras.layers.Conv2D(
                width, kernel_size, padding="same", dtype=dtype, **options
            )
            layer.build((*size, inputs))
            return layer

        def norm(width):
            layer = BatchNormalization(dtype=dtype)
            layer.build((*size, width))
            return layer

        def kernels(width, name):
            # A mixture of `mixed` of them keeps the scale of a map.
            return self.add_weight(
                shape=(3, 3, width, self.mixed),
                initializer=keras.initializers.RandomNormal(stddev=1 / 3),
                name=name,
            )

        self.shared = convolution(self.hidden, 3, context_shape[-1])
        self.widths = [self.mixed, self.mixed, filters, filters, filters]
        self.prediction = convolution(sum(self.widths), 1, self.hidden)
        self.first_norm, self.second_norm = norm(channels), norm(filters)
        self.first_kernels = kernels(channels, "first_kernels")
        self.second_kernels = kernels(filters, "second_kernels")
        self.first_pointwise = convolution(filters, 1, channels)
        self.second_pointwise = convolution(filters, 1, filters)
        self.shortcut = self.style = None
        if channels != filters:
            self.shortcut = convolution(filters, 1, channels, use_bias=False)
        if z_shape is not None:
            self.style = keras.layers.Dense(self.hidden, use_bias=False, dtype=dtype)
            self.style.build(z_shape)

    def call(self, x, context, z=None, training=None):
        """Returns the block's features."""
        shared = self.shared(context)
        if self.style is not None:
            shared += self.style(z)[:, None, None]
        first, second, attention, last_attention, offset = tf.split(
            self.prediction(tf.nn.relu(shared)), self.widths, -1
        )

        h = self.first_norm(x, training=training, upsample=self.upsample)
        h = mixture_convolution(h, first, tf.convert_to_tensor(self.first_kernels))
        h = self.first_pointwise(h) * tf.sigmoid(attention)
        h = activations.leaky_relu(h)

        h = self.second_norm(h, training=training)
        h = mixture_convolution(h, second, tf.convert_to_tensor(self.second_kernels))
        h = self.second_pointwise(h) * tf.sigmoid(last_attention)
        h = activations.leaky_relu(h)

        if self.shortcut is not None:
            x = self.shortcut(x)
        return (upsample_nearest(x) if self.upsample else x) + h + offset

    def compute_output_shape(self, x_shape, context_shape, z_shape=None):
        """``(batch, H, W, filters)``."""
        return (*context_shape[:-1], self.filters)

    def get_config(self):
        """Returns the constructor's arguments."""
        return super().get_config() | {
            "filters": self.filters,
            "hidden": self.hidden,
            "mixed": self.mixed,
            "upsample": self.upsample,
        }
