"""Finds presets: those that ship by name, others by their folder, or on a hub."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.presets import hub
from ccfpse_tf.presets.preset import Preset
from ccfpse_tf.presets.preset_facts import FORMER, METADATA
from ccfpse_tf.presets.preset_files import read_preset

FOLDER = Path(__file__).parent


def shipped_presets() -> dict[str, str]:
    """Returns the titles of the presets that the package ships, by name.

    Raises:
        InputError: a preset whose facts cannot be read.
    """
    return {name: _title(FOLDER / name / METADATA) for name in _names()}


def find_preset(name: str | Path) -> Preset:
    """Reads a preset.

    Args:
        name: of one that the package ships, the folder of any other, or
            ``hf://OWNER/NAME`` (see :mod:`ccfpse_tf.presets.hub`). A path is always
            that of a folder.

    Raises:
        InputError: an unknown name, with the known ones; a damaged preset; one that
            cannot be downloaded.
    """
    if hub.is_on_hub(name):
        return _downloaded(name)
    if _ships(name):
        return read_preset(FOLDER / name)
    folder = Path(name)
    if folder.is_dir():
        return read_preset(folder)
    names = ", ".join(_names())
    if names:
        known = f"this version of ccfpse_tf ships {names}: give one of these names"
    else:
        known = "this version of ccfpse_tf ships no presets: give"
    raise InputError(
        f"preset {name!r}: there is no such folder, and {known}"
        f"{', or' if names else ''} the folder that `ccfpse publish` wrote, or "
        "hf://OWNER/NAME"
    )


def is_preset(name: str | Path) -> bool:
    """Returns whether this names a preset rather than something else, such as a model.

    Nothing is downloaded and nothing but names is looked at.
    """
    return (
        hub.is_on_hub(name)
        or _ships(name)
        or (Path(name) / METADATA).is_file()
        or (Path(name) / FORMER).is_file()
    )


def _downloaded(name: str) -> Preset:
    folder = hub.download(name)
    with hub.download_errors(name, folder):
        return dataclasses.replace(read_preset(folder), source=name)


def _ships(name: str | Path) -> bool:
    # A path tells nothing of "./", which leads to a folder of the same name.
    return isinstance(name, str) and name in _names()


def _names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{METADATA}"))


def _title(path: Path) -> str:
    facts = read_json(path, "the facts of a preset")
    if not isinstance(facts, dict) or not isinstance(facts.get("title"), str):
        raise InputError(f"{path}: is damaged (no 'title'); install ccfpse_tf again")
    return facts["title"]
