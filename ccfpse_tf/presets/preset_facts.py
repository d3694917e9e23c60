"""``metadata.json`` and ``config.json``: a preset's facts, written, read and checked.

The first tells format, versions and checksums, the second what the networks are built
from. Both have the names that keras-hub's presets have, whose readers refuse ours as
this one refuses theirs.
"""

from __future__ import annotations

import dataclasses
from importlib.metadata import version
from pathlib import Path

from ccfpse_tf.config import from_dict
from ccfpse_tf.data.description import Description, description_from_json
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import parse_json, read_json
from ccfpse_tf.presets.preset import Preset

FORMAT = 2
METADATA, CONFIG = "metadata.json", "config.json"
MOST_BYTES = 8_000_000  # of all files of a preset together
AGAIN = "copy or install the whole preset again"
FORMER = "preset.json"  # what format 1 had instead of the two
_PACKAGES = ("ccfpse-tf", "keras", "tensorflow", "numpy")
_NUMBERS = ("largest", "mean", "images")  # of the difference
_WRITE = "`ccfpse publish RUN --out DIR` writes the folder of one"


def metadata_of(preset: Preset) -> dict:
    """Returns the content of ``metadata.json``, but for the checksums."""
    difference = preset.difference
    if difference is not None:
        difference = {name: difference[name] for name in _NUMBERS}
    return {
        "format": FORMAT,
        "library": "ccfpse_tf",
        "name": preset.name,
        "title": preset.title,
        "step": preset.step,
        "parameter_count": sum(x.size for x in preset.weights.values()),
        "difference": difference,
        "styles": [style.source for style in preset.styles],
        "layouts": len(preset.layouts),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def config_of(preset: Preset) -> dict:
    """Returns the content of ``config.json``."""
    return {
        "config": dataclasses.asdict(preset.config),
        "data": dataclasses.asdict(preset.data),
    }


def read_metadata(folder: Path) -> dict:
    """Reads the metadata of a preset of this format; their values are not checked.

    Raises:
        InputError: no preset, one of another library or of another format.
    """
    path = folder / METADATA
    if not path.is_file():
        if (folder / FORMER).is_file():
            raise InputError(
                f"{folder}: is a preset of format 1, which holds {FORMER}; this "
                f"version of ccfpse_tf ({version('ccfpse-tf')}) reads {FORMAT}: write "
                "it again from its run, by `ccfpse publish RUN --out DIR`"
            )
        raise InputError(
            f"{folder}: is not a preset, as it holds no {METADATA}; {_WRITE}"
        )
    found = _read_small(path)
    number = found.get("format") if isinstance(found, dict) else None
    if type(number) is not int:
        _refuse_foreign(folder, found)
        raise InputError(f"{path}: is damaged (it has no 'format'); {AGAIN}")
    if number != FORMAT:
        way_out = "a newer" if number > FORMAT else "another"
        raise InputError(
            f"{path}: has format {number}, this version of ccfpse_tf "
            f"({version('ccfpse-tf')}) reads {FORMAT}; install {way_out} version or "
            "choose another preset"
        )
    return found


def parse_facts(metadata: dict, config: bytes, folder: Path) -> dict:
    """Returns the values that the facts give to fields of a :class:`Preset`.

    Args:
        metadata: of :func:`read_metadata`.
        config: the content of ``config.json``.
        folder: of the preset, for messages.

    Raises:
        InputError: keys or an architecture that this version does not know.
        KeyError, TypeError, ValueError, AttributeError: damaged facts.
    """
    path = folder / CONFIG
    found = parse_json(config.decode("utf-8"))
    try:
        parsed = from_dict(found["config"], str(path))
    except InputError as error:  # such as an architecture that is not there
        raise InputError(
            f"{error}\nThis version of ccfpse_tf is {version('ccfpse-tf')}, the preset "
            f"was written by {metadata['versions']['ccfpse-tf']}: install that one or "
            "a newer one, or choose another preset"
        ) from None
    data = description_from_json(found["data"], path, AGAIN)
    _check_description(data)
    difference = metadata["difference"]
    if difference is not None:
        difference = {name: number(difference[name], (int, float)) for name in _NUMBERS}
    return {
        "name": _text(metadata["name"]),
        "title": _text(metadata["title"]),
        "config": parsed,
        "data": data,
        "step": number(metadata["step"]),
        "difference": difference,
    }


def _read_small(path: Path):
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: is too large for a preset; {AGAIN}")
    try:
        return read_json(path, "the facts of a preset")
    except InputError as error:
        raise InputError(f"{error}; {AGAIN}") from None


def _refuse_foreign(folder: Path, metadata) -> None:
    """Refuses the presets of keras-hub, with the class that opens them."""
    keys = metadata.keys() if isinstance(metadata, dict) else set()
    if not keys & {"keras_hub_version", "keras_nlp_version", "keras_version"}:
        return
    kind = "a model of Keras"
    if (folder / CONFIG).is_file():
        config = _read_small(folder / CONFIG)
        if isinstance(config, dict) and isinstance(config.get("class_name"), str):
            kind = config["class_name"][:80]
    raise InputError(
        f"{folder}: is a preset of another library ({kind}), not of ccfpse_tf: open it "
        f"by that library, such as by keras_hub's from_preset; {_WRITE}"
    )


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
