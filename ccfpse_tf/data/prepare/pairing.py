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
    for a, b in itertools.combinations(found, 2):
        together = [x for x in found if x.template.root == a.template.root]
        if not problems:
            _tell_apart(a, b, together if b in together else (a, b), notes, problems)
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
    a: FoundFiles,
    b: FoundFiles,
    found: Sequence[FoundFiles],
    notes: list[str],
    problems: list[str],
) -> None:
    """Leaves files that fit both templates to the narrower one."""
    roots = [os.path.realpath(files.template.root) for files in (a, b)]
    if os.path.commonpath(roots) not in roots:
        return
    ours, theirs = map(_real_paths, (a, b), roots)
    both = ours.keys() & theirs.keys()
    if not both:
        return
    options = f"{a.template.option} and {b.template.option}"
    some = os.path.basename(min(both))
    if len(ours) == len(theirs) == len(both):
        problems.append(
            f"{a.template.root}: both {options} name all of its {len(both)} files; "
            f"tell them apart by templates, such as {_suggestion(found)}"
        )
    elif len(both) in (len(ours), len(theirs)):
        wide, narrow = (a, b) if len(both) == len(theirs) else (b, a)
        real = ours if wide is a else theirs
        wide.files = [file for path, file in real.items() if path not in both]
        notes.append(
            f"{wide.template.root}: files that fit both {options} are taken for "
            f"{narrow.template.option} ({len(both)}, such as {some})"
        )
    else:
        problems.append(
            f"{a.template.root}: {len(both)} files fit both {options}, such as {some}; "
            f"tell them apart by templates, such as {_suggestion(found)}"
        )


def _real_paths(files: FoundFiles, real_root: str) -> dict[str, FoundFile]:
    root = files.template.root
    return {
        os.path.join(real_root, os.path.relpath(file.path, root)): file
        for file in files.files
    }


def _suggestion(found: Sequence[FoundFiles]) -> str:
    """Returns options that tell the files of one folder apart, by what names show."""
    tails = defaultdict(set)
    for file in found[0].files:
        stem, last = os.path.splitext(file.path)
        word = re.search(r"(?:[_\-. ][A-Za-z]+)?$", stem)
        tails[word[0] + last.lower()].add(stem[: word.start()])
    # Photos are stored with loss, or have the shortest names.
    order = sorted(tails, key=lambda tail: ("inst" in tail.lower(), len(tail), tail))
    photos = [tail for tail in order if tail.endswith(_OF_PHOTOS)] or order[:1]
    order = [*photos[:1], *(tail for tail in order if tail not in photos)]
    if len(photos) > 1 and len(order) == len(found):
        template = found[0].template
        rest = map(_option, found[1:], order[1:])
        return " ".join((f"{template.option} {shlex.quote(template.root)}", *rest))
    order = order[: len(found)]
    if len(order) < len(found) or not set.intersection(*(tails[x] for x in order)):
        order = [".jpg", "_L.png", "_I.png"]
    return " ".join(map(_option, found, order))


def _option(files: FoundFiles, tail: str) -> str:
    return files.template.with_ending(tail)


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
