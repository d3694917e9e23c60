"""What the residual blocks of CC-FPSE and SPADE share."""

import keras


class LayoutBlock(keras.layers.Layer):
    """A block that is called with features and a layout.

    Args:
        filters: channels of the output.
        hidden: width of what the block makes of the layout.
        upsample: whether the input is brought to twice its size first (nearest).

    Call shapes: ``x (batch, height, width, channels)`` and a layout, to
    ``(batch, height, width, filters)``, or twice that height and width.
    """

    def __init__(self, filters, hidden, upsample, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.hidden = hidden
        self.upsample = upsample

    def compute_output_shape(self, x_shape, layout_shape):
        """``(batch, height, width, filters)``, twice as large if ``upsample``."""
        batch, *size, _ = x_shape
        if self.upsample:
            size = [None if n is None else 2 * n for n in size]
        return (batch, *size, self.filters)

    def get_config(self):
        """Returns the constructor's arguments, to which subclasses add theirs."""
        return super().get_config() | {
            "filters": self.filters,
            "hidden": self.hidden,
            "upsample": self.upsample,
        }
