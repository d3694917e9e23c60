"""Label ids that look like greys made for the eye: few, and far from each other.

Masks that are drawn to be looked at hold 0, 127, 255 or the like. Taken as ids they
would make a hundred classes of which nearly all are never seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from ccfpse_tf.data.prepare.label_reading import BITS, MASK, WHITE
from ccfpse_tf.errors import InputError

_SPREAD = 8  # classes per id found from which on ids count as spread widely
_FEW = 24  # ids that a message lists


def refuse_display_greys(found: Iterable[int], forms: Mapping[str, str]) -> None:
    """Refuses ids that nobody means as they are.

    Args:
        found: all ids in the label files.
        forms: form of label files -> a file of that form.

    Raises:
        InputError: for greys that divide 0..255 evenly, and for masks whose white is 1
            in some files and 255 in others.
    """
    values = sorted(found)
    if values == [0, 1, 255] and BITS in forms and MASK in forms:
        raise InputError(
            f"white is 1 in {forms[BITS]}, a file of single bits, and 255 in "
            f"{forms[MASK]}, a file of 8-bit greys: if both mean one class, give "
            '--num-classes 2 --label-map FILE with {"255": 1}; else save all files in '
            "one form"
        )
    if _divide_evenly(values):
        raise InputError(
            f"the label files hold only {_listed(values)}, greys that divide 0..255 "
            f"evenly, as masks made for the eye do: {_renumbering(values, None)}. If "
            f"they are ids, say so: --num-classes {values[-2] + 1} --dont-care-id 255"
        )


def white_note(forms: Mapping[str, str]) -> str | None:
    """Tells that white is 1 in some label files and 255 in others, if it is so."""
    if BITS not in forms or WHITE not in forms:
        return None
    return (
        f"white is id 1 in {forms[BITS]}, a file of single bits, and 255 in "
        f"{forms[WHITE]}; if both mean one class, save all files with 8 bits"
    )


def _divide_evenly(values: list[int]) -> bool:
    steps = len(values) - 1
    if not 1 < steps <= 255 // _SPREAD or values[-1] != 255:
        return False
    return all(abs(value - 255 * k / steps) <= 1 for k, value in enumerate(values))


def spread_note(
    found: Iterable[int], dont_care_id: int | None, guessed: bool = False
) -> str | None:
    """Describes ids of which most never occur; None where ids are as usual.

    Args:
        found: all ids in the label files.
        dont_care_id: the one that is don't care.
        guessed: whether nobody has said so.
    """
    values = sorted(set(found) - {dont_care_id})
    classes = values[-1] + 1
    gaps = [b - a for a, b in zip(values, values[1:], strict=False)]
    far_apart = len(values) > 2 and min(gaps) >= _SPREAD
    if len(values) * _SPREAD > classes and not far_apart:
        return None
    unknown = "" if dont_care_id is None else f" --dont-care-id {dont_care_id}"
    also = ""
    if guessed and dont_care_id is not None:
        also = (
            f", or {_renumbering([*values, dont_care_id], None)} if {dont_care_id} is"
        )
        also += " a class, too"
    return (
        f"the label files hold only {len(values)} of the ids 0..{classes - 1} "
        f"({_listed(values)}), so that {classes - len(values)} classes would never be "
        "seen. If these are greys made for the eye: "
        f"{_renumbering(values, dont_care_id)}{also}; if they are ids, --num-classes "
        f"{classes}{unknown} says so without this note"
    )


def few_classes(classes: Iterable[int], dont_care_id: int | None) -> str:
    """Continues a message with the way to make classes of a few ids; empty for many."""
    values = sorted(classes)
    if not 1 < len(values) <= _FEW:
        return ""
    way = _renumbering(values, dont_care_id)
    return f"; if {_listed(values)} are the classes, {way}"


def _renumbering(values: list[int], dont_care_id: int | None) -> str:
    """The options that make classes 0, 1, 2, ... of the values, to be pasted."""
    places = enumerate(v for v in range(len(values) + 1) if v != dont_care_id)
    changes = {str(v): k for v, (_, k) in zip(values, places, strict=False) if v != k}
    unknown = "" if dont_care_id is None else f" --dont-care-id {dont_care_id}"
    return (
        f"give --num-classes {len(values)}{unknown} --label-map FILE with "
        f"{json.dumps(changes)}"
    )


def _listed(values: list[int]) -> str:
    shown = ", ".join(map(str, values[:_FEW]))
    return shown + (", ..." if len(values) > _FEW else "")
