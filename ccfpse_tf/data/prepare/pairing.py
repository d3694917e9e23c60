"""Pairing photos with their label and instance maps, by the keys in their names."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ccfpse_tf.data.find_files import FoundFile, FoundFiles

_KINDS = ("label", "instance map")
_OF_PHOTOS = (".jpg", ".jpeg", ".webp")  # label maps are never stored with loss


@dataclass(frozen=True)
class Pairs:
    """What belongs together.

    Attributes:
        rows: key and path of each kind, in the order of the keys.
        problems: what has to be put right, a line each.
        notes: what is worth knowing, a line each.
    """

    rows: tuple[tuple[str, ...], ...]
    problems: list[str]
    notes: list[str]


def pair_files(found: Sequence[FoundFiles]) -> Pairs:
    """Pairs photos with label maps, and instance maps if they are there.

    A file that fits two templates belongs to the narrower one, so that
    `--images DIR --labels 'DIR/{key}_L.png'` means what it says.
    """
    notes, problems = [], []
    for wide, narrow in itertools.combinations(found, 2):
        _tell_apart(wide, narrow, notes, problems)
    missing = [files for files in found if not os.path.isdir(files.template.root)]
    problems += [problem for files in missing for problem in files.problems]
    if problems:  # everything else would follow from these
        return Pairs((), problems, notes)
    by_key = [files.by_key() for files in found]
    for files in found:
        problems += files.problems
        notes += files.notes
    problems += _without_partner(found, by_key)
    complete = set.intersection(*map(set, by_key))
    rows = [
        (files[0].key, *(file.path for file in files))
        for files in ([files[key] for files in by_key] for key in complete)
    ]
    if not problems and not rows:
        problems.append(f"{found[0].template.text}: no images there; check the folder")
    return Pairs(tuple(sorted(rows)), problems, notes)


def _tell_apart(
    a: FoundFiles, b: FoundFiles, notes: list[str], problems: list[str]
) -> None:
    """Leaves files that fit both templates to the narrower one."""
    roots = [os.path.realpath(files.template.root) for files in (a, b)]
    if os.path.commonpath(roots) not in roots:
        return
    ours, theirs = map(_real_paths, (a, b), roots)
    both = ours.keys() & theirs.keys()
    if not both:
        return
    options = a.template.option, b.template.option
    if len(ours) == len(theirs) == len(both):
        problems.append(
            f"{a.template.root}: both {options[0]} and {options[1]} name all of its "
            f"{len(both)} files; tell them apart by templates{_suggestion(a, b)}"
        )
    elif len(both) in (len(ours), len(theirs)):
        wide, narrow = (a, b) if len(both) == len(theirs) else (b, a)
        real = ours if wide is a else theirs
        wide.files = [file for path, file in real.items() if path not in both]
        notes.append(
            f"{wide.template.root}: {len(both)} files that fit both {options[0]} and "
            f"{options[1]} are taken for {narrow.template.option}"
        )
    else:
        path = ours[min(both)].path
        problems.append(
            f"{path}: fits both {options[0]} and {options[1]}, as do {len(both)} files "
            f"in all; tell them apart by templates{_suggestion(a, b)}"
        )


def _real_paths(files: FoundFiles, real_root: str) -> dict[str, FoundFile]:
    root = files.template.root
    return {
        os.path.join(real_root, os.path.relpath(file.path, root)): file
        for file in files.files
    }


def _suggestion(a: FoundFiles, b: FoundFiles) -> str:
    """Returns the options that tell photos from label maps, if names show them."""
    tails = defaultdict(set)
    for file in a.files:
        stem, last = os.path.splitext(file.path)
        word = re.search(r"(?:[_\-. ][A-Za-z]+)?$", stem)
        tails[word[0] + last.lower()].add(stem[: word.start()])
    # Photos are stored with loss, or have the shorter names.
    order = sorted(tails, key=lambda tail: (not tail.endswith(_OF_PHOTOS), len(tail)))
    lossless = [tail for tail in order if not tail.endswith(_OF_PHOTOS)]
    if len(order) > 2 and len(lossless) == 1:
        place = shlex.quote(a.template.root)
        narrow = b.template.with_ending(lossless[0])
        return f", such as {a.template.option} {place} {narrow}"
    if len(order) != 2 or not tails[order[0]] & tails[order[1]]:
        order = [".jpg", "_L.png"]
    shown = (
        x.template.with_ending(tail) for x, tail in zip((a, b), order, strict=True)
    )
    return f", such as {' '.join(shown)}"


def _without_partner(
    found: Sequence[FoundFiles], by_key: Sequence[dict[str, FoundFile]]
) -> list[str]:
    problems = []
    images, labels = by_key[:2]
    for key in sorted(images):
        for kind, files, partners in zip(_KINDS, found[1:], by_key[1:], strict=False):
            if key not in partners:
                expected = files.template.path_of(key)
                problems.append(
                    f"{images[key].path}: has no {kind}; expected {expected}"
                )
    for key in sorted(labels.keys() - images.keys()):
        expected = found[0].template.path_of(key)
        problems.append(f"{labels[key].path}: has no image; expected {expected}")
    return problems
