"""A preset, ready to draw."""

from pathlib import Path

import tensorflow as tf

from ccfpse_tf.gan.from_preset import synthesizer_of
from ccfpse_tf.generation.drawing_model import DrawingModel
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
