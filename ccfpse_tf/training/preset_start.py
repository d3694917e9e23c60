"""The start of a run from the weights of a preset."""

from __future__ import annotations

import dataclasses

from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.from_preset import start_from
from ccfpse_tf.presets.class_matching import ClassMatch, match_classes
from ccfpse_tf.presets.preset import Preset


@dataclasses.dataclass(frozen=True)
class PresetStart:
    """A preset, and its classes as those of the run's data."""

    preset: Preset
    match: ClassMatch

    @classmethod
    def of(cls, config, description, preset: Preset | None) -> PresetStart | None:
        """Returns the start of a run; None for a run that starts from random weights.

        Args:
            config: of the run.
            description: of its records.
            preset: the one that the config names, if it names one.

        Raises:
            InputError: another preset than the config's; other instances.
        """
        if config.preset != (preset and preset.identity):
            raise InputError(
                f"the config's preset is {config.preset!r}, but the preset given is "
                f"{preset and preset.identity!r}: name it with --preset, not with --set"
            )
        if preset is None:
            return None
        return cls(preset, match_classes(preset.data, description, preset.source))

    def load(self, model, config) -> None:
        """Gives a new model the weights; errors as those of `start_from`."""
        start_from(model, config, self.preset, self.match)

    def summary(self) -> str:
        """Returns one line for people."""
        return f"{self.preset.name}, step {self.preset.step}: {self.match.summary()}"
