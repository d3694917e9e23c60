"""Finds presets: those that the package ships by name, others by their folder."""

from __future__ import annotations

from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.text_files import read_json
from ccfpse_tf.presets.preset import Preset
from ccfpse_tf.presets.preset_facts import FACTS
from ccfpse_tf.presets.preset_files import read_preset

FOLDER = Path(__file__).parent


def shipped_presets() -> dict[str, str]:
    """Returns the titles of the presets that the package ships, by name.

    Raises:
        InputError: a preset whose facts cannot be read.
    """
    return {name: _title(FOLDER / name / FACTS) for name in _names()}


def find_preset(name: str | Path) -> Preset:
    """Reads a preset.

    Args:
        name: of one that the package ships, or the folder of any other.

    Raises:
        InputError: an unknown name, with the known ones; a damaged preset.
    """
    if str(name) in _names():
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
        f"preset {str(name)!r}: there is no such folder, and {known}"
        f"{', or' if names else ''} the folder that `recipes/*.py preset` wrote"
    )


def _names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{FACTS}"))


def _title(path: Path) -> str:
    facts = read_json(path, "the facts of a preset")
    if not isinstance(facts, dict) or not isinstance(facts.get("title"), str):
        raise InputError(f"{path}: is damaged (no 'title'); install ccfpse_tf again")
    return facts["title"]
