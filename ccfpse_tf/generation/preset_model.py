"""A preset, ready to draw."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.image_files import decode_label
from ccfpse_tf.data.transforms import map_labels
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.from_preset import synthesizer_of
from ccfpse_tf.generation.drawing_model import DrawingModel
from ccfpse_tf.models.generators.checks import draws_size
from ccfpse_tf.presets.shipped import find_preset


class PresetModel(DrawingModel):
    """The model of a preset, which draws in float32.

    Args:
        preset: the name of one that the package ships, or a folder.
        strategy: the devices to use; default TensorFlow's own choice of one.

    Attributes:
        model: a :class:`ccfpse_tf.gan.synthesizer.Synthesizer` without discriminator.
        preset: the :class:`ccfpse_tf.presets.preset.Preset` that was read: title,
            ``styles`` with codes and pictures, ``layouts``, ``card``.
        description: of the data that it was trained on, without splits.
        step: the number of steps that it was trained for.

    Raises:
        InputError: an unknown name, a damaged preset, one of another version.
    """

    def __init__(self, preset: str | Path, strategy=None):
        self.preset = find_preset(preset)
        self.description, self.step = self.preset.data, self.preset.step
        strategy = strategy or tf.distribute.get_strategy()
        with strategy.scope():
            model = synthesizer_of(self.preset)
        super().__init__(model, strategy)

    def layouts(self) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Returns the example layouts, ``(height, width)`` each.

        They are class indices and, where the data have instances, ids of objects.

        Raises:
            InputError: pictures that are no label maps of the preset's classes.
        """
        return [self._decoded(layout) for layout in self.preset.layouts]

    def _decoded(self, layout):
        source, instance = self.preset.source, layout.instance
        label = decode_label(layout.label, f"{source}: an example layout")
        if instance is not None:
            instance = decode_label(instance, f"{source}: an example's objects")
        return map_labels(label, self.description.label_ids), instance

    def images(self, label, instance, z):
        """Generates a batch; see the base class.

        Raises:
            InputError: layouts of a size that the preset cannot draw.
        """
        self.check_size(*label.shape[1:3])
        return super().images(label, instance, z)

    def check_size(self, height: int, width: int) -> None:
        """Checks that images of a size can be drawn.

        Raises:
            InputError: naming the sizes that can be, and the way out.
        """
        generator = self.model.drawing_generator
        if draws_size(generator, height, width):
            return
        stride, nearest = generator.stride, generator.image_size
        least = getattr(generator, "least_edge", stride)
        allowed = "one size"
        if generator.any_size:
            edges = (height, width)
            nearest = [max(least, round(edge / stride) * stride) for edge in edges]
            allowed = f"multiples of {stride}" + f" from {least}" * (least > stride)
        raise InputError(
            f"a layout of {height}x{width} (height x width): the preset "
            f"{self.preset.name} draws {allowed}: resize or crop it to "
            f"{nearest[0]}x{nearest[1]}"
        )
