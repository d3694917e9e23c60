"""What the generators of all methods share."""

import keras


class ImageGenerator(keras.Model):
    """A network that draws images of layouts.

    Subclasses set ``depth``, how often the resolution halves or doubles, and are
    called with semantics and, where ``z_dim`` is not 0, a style code.

    Args:
        semantic_channels: channels of the semantics (one-hot and edges).
        image_size: ``(height, width)``.

    Attributes:
        any_size: False for generators that draw images of ``image_size`` only.
        z_dim: length of the style code, 0 for none.
    """

    any_size = True
    z_dim = 0

    def __init__(self, semantic_channels, image_size, **kwargs):
        super().__init__(**kwargs)
        self.semantic_channels = semantic_channels
        self.image_size = tuple(image_size)

    @property
    def stride(self) -> int:
        """Both edges of an image are multiples of this number of pixels."""
        return 2**self.depth

    def compute_output_shape(self, semantics_shape, z_shape=None):
        """``(batch, height, width, 3)``."""
        return (*semantics_shape[:-1], 3)

    def get_config(self):
        """Returns the constructor's arguments, to which subclasses add theirs."""
        return super().get_config() | {
            "semantic_channels": self.semantic_channels,
            "image_size": self.image_size,
        }
