"""``preset.json``: the facts of a preset, written, read and checked."""

from __future__ import annotations

import dataclasses
from importlib.metadata import version
from pathlib import Path

from ccfpse_tf.config import from_dict
from ccfpse_tf.data.description import Description, description_from_json
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.presets.preset import Preset

FORMAT = 1
FACTS = "preset.json"
MOST_BYTES = 8_000_000  # of all files of a preset together
AGAIN = "copy or install the whole preset again"
_PACKAGES = ("ccfpse-tf", "keras", "tensorflow", "numpy")
_NUMBERS = ("largest", "mean", "images")  # of the difference


def facts_of(preset: Preset) -> dict:
    """Returns the facts as JSON values."""
    return {
        "format": FORMAT,
        "name": preset.name,
        "title": preset.title,
        "step": preset.step,
        "difference": {name: preset.difference[name] for name in _NUMBERS},
        "styles": [style.source for style in preset.styles],
        "layouts": len(preset.layouts),
        "config": dataclasses.asdict(preset.config),
        "data": dataclasses.asdict(preset.data),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def read_facts(path: Path) -> dict:
    """Reads the facts of a preset of this format; their values are not checked.

    Raises:
        InputError: no facts of a preset, or those of another format.
    """
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: is too large for a preset; {AGAIN}")
    try:
        facts = read_json(path, "the facts of a preset")
    except InputError as error:
        raise InputError(f"{error}; {AGAIN}") from None
    found = facts.get("format") if isinstance(facts, dict) else None
    if type(found) is not int:
        raise InputError(f"{path}: is damaged (it has no 'format'); {AGAIN}")
    if found != FORMAT:
        raise InputError(
            f"{path}: has format {found}, this version of ccfpse_tf "
            f"({version('ccfpse-tf')}) reads {FORMAT}; install another version or "
            "choose another preset"
        )
    return facts


def parse_facts(facts: dict, path: Path) -> dict:
    """Returns the values that the facts give to fields of a :class:`Preset`.

    Raises:
        InputError: keys or an architecture that this version does not know.
        KeyError, TypeError, ValueError, AttributeError: damaged facts.
    """
    try:
        config = from_dict(facts["config"], str(path))
    except InputError as error:  # such as an architecture that is not there
        raise InputError(
            f"{error}\nThis version of ccfpse_tf is {version('ccfpse-tf')}, the preset "
            f"was written by {facts['versions']['ccfpse-tf']}: install that one or a "
            "newer one, or choose another preset"
        ) from None
    data = description_from_json(facts["data"], path, AGAIN)
    _check_description(data)
    return {
        "name": _text(facts["name"]),
        "title": _text(facts["title"]),
        "config": config,
        "data": data,
        "step": number(facts["step"]),
        "difference": {
            name: number(facts["difference"][name], (int, float)) for name in _NUMBERS
        },
    }


def _check_description(data: Description) -> None:
    """Refuses what `description_from_json` lets pass."""
    classes = number(data.num_classes)
    channels = data.label_channels
    care = data.dont_care_index
    good = (
        classes > 0
        and len(data.class_names) == len(data.palette) == classes
        and all(isinstance(name, str) for name in data.class_names)
        and all(len(color) == 3 for color in data.palette)
        and all(value in range(256) for color in data.palette for value in color)
        and (care is None or care in range(channels))
        and all(index in range(channels) for index in data.label_ids.values())
        and isinstance(data.instances, bool)
        and isinstance(data.name, str)
    )
    if not good:
        raise ValueError("the classes do not fit each other")


def _text(value) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def texts(values) -> list[str]:
    """Returns a list of texts; raises TypeError for anything else."""
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is not a list")
    return [_text(value) for value in values]


def number(value, kinds=int):
    """Returns a number of 0 or more; raises TypeError for anything else."""
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= 0:
        raise TypeError(f"{value!r} is not a number of 0 or more")
    return value
