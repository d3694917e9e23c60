"""A run's settings: nested frozen dataclasses, read from JSON and changed by texts.

A recipe writes a :class:`Config` that reads like a page; ``--set generator.ngf=32``
changes it by :func:`override`; the run folder keeps it as JSON. The keys are those of
:mod:`ccfpse_tf.config.networks` and :mod:`ccfpse_tf.config.sections`.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated

from pydantic import Field

from ccfpse_tf.config import checks, parsing
from ccfpse_tf.config.networks import DiscriminatorConfig, GeneratorConfig
from ccfpse_tf.config.parsing import ADDED_LATER, settings
from ccfpse_tf.config.sections import (
    DataConfig,
    EvaluationConfig,
    LossConfig,
    OptimizerConfig,
    ScheduleConfig,
    StepConfig,
)
from ccfpse_tf.errors import InputError


@settings
class Config:
    """A whole run.

    Raises:
        InputError: on construction, listing all values that are not allowed, or else
            all values that do not fit each other.
    """

    name: Annotated[str, Field(description="of the recipe")]
    generator: GeneratorConfig = GeneratorConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    losses: LossConfig = LossConfig()
    optimizers: OptimizerConfig = OptimizerConfig()
    data: DataConfig = DataConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    step: StepConfig = StepConfig()
    preset: Annotated[str | None, ADDED_LATER] = Field(
        None, description="whose weights the run starts from; `train --preset` sets it"
    )
    teacher: Annotated[str | None, ADDED_LATER] = Field(
        None, description="which run the generator learns from; `distil` sets it"
    )

    def __post_init__(self):
        """Checks that the values fit each other."""
        problems = list(checks.problems(self))
        if problems:
            raise ValueError("\n  ".join(problems))

    def to_json(self) -> str:
        """Returns indented JSON that :meth:`from_json` reads back equal."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str, source: str = "config") -> "Config":
        """Parses :meth:`to_json`'s output; ``source`` names the file in messages.

        Raises:
            InputError: for text that is not JSON, unknown or missing keys, wrong types.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"{source} is not JSON: {error}") from None
        return from_dict(values, source)


def from_dict(values: object, source: str = "config") -> Config:
    """Builds a config from nested dicts; ``source`` names their file in messages.

    Raises:
        InputError: for unknown or missing keys and for values of the wrong type.
    """
    return parsing.build(Config, values, source)


def flatten(config: Config) -> dict[str, object]:
    """Returns ``{"generator.ngf": 64, ...}``: the keys that ``--set`` knows."""
    return {key: attrgetter(key)(config) for key in parsing.keys(Config)}


def derive(config: Config, **sections: Mapping[str, object]) -> Config:
    """Returns ``config`` with other values in some sections.

    Args:
        config: where to start from; it is not changed.
        sections: the new values of each section, such as ``generator={"ngf": 4}``.

    Raises:
        InputError: for wrong values.
        TypeError: for a key that its section does not have.
    """
    changed = {
        name: dataclasses.replace(getattr(config, name), **values)
        for name, values in sections.items()
    }
    return dataclasses.replace(config, **changed)


def override(config: Config, assignments: Sequence[str]) -> Config:
    """Returns ``config`` with ``key=value`` texts applied, all before the checks.

    Args:
        config: where to start from; it is not changed.
        assignments: such as ``["generator.ngf=32", "data.image_size=256x512"]``.

    Raises:
        InputError: for an unknown key (with the nearest known ones), a value that is
            not of the key's type, or a result that fails :class:`Config`'s checks.
    """
    return parsing.override(config, assignments, "generator.ngf=32", "the config")
