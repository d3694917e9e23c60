"""The config of a run that starts from a preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ccfpse_tf.config import Config, EvaluationConfig, derive, flatten, override
from ccfpse_tf.config.checks import MEASURED_BY
from ccfpse_tf.errors import InputError
from ccfpse_tf.presets.preset import Preset

# The one key of the section that shapes no weights.
_FREE = {"generator.average_decay"}


def portable(config: Config) -> Config:
    """Returns a run's config without paths and measurements of its machine."""
    best = config.schedule.best
    return dataclasses.replace(
        derive(
            config,
            data={"records": ""},
            losses={"perceptual_weights": None},
            discriminator={"backbone_weights": None},
            schedule={"best": "auto" if best in MEASURED_BY else best},
        ),
        evaluation=EvaluationConfig(),
    )


def started_from(preset: Preset, config: Config, assignments: Sequence[str]) -> Config:
    """Returns a recipe's config with the networks of a preset, then ``--set``.

    Args:
        preset: gives the sections ``generator`` and ``discriminator``.
        config: of the recipe.
        assignments: texts of ``--set``.

    Raises:
        InputError: wrong texts, and keys of the generator that contradict the preset.
    """
    networks = dataclasses.replace(
        config,
        preset=preset.identity,
        generator=preset.config.generator,
        discriminator=preset.config.discriminator,
    )
    changed = override(networks, assignments)
    known, asked = flatten(networks), flatten(changed)
    problems = [
        f"{key}: the preset has {known[key]!r}, --set says {asked[key]!r}"
        for key in known
        if key.startswith("generator.")
        and key not in _FREE
        and known[key] != asked[key]
    ]
    if problems:
        raise InputError(
            f"--preset {preset.source}: its weights need its own generator:\n  "
            + "\n  ".join(problems)
            + "\nLeave these keys out of --set, or train without --preset."
        )
    return changed
