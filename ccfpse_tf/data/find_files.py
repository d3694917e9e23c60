"""The one reader of folders of images, for every command that takes a folder.

A place is a folder, or a template of its files such as `DIR/{key}_L.png`. What systems
and programs leave in folders does not count, and what looks odd is named.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccfpse_tf.data.file_template import IMAGE_ENDINGS, Template, compose, ending
from ccfpse_tf.errors import DataErrors, InputError

_ALL_ENDINGS = (
    *IMAGE_ENDINGS,
    *(".gif", ".jfif", ".jpe", ".jp2", ".heic", ".heif", ".avif", ".tga", ".pbm"),
    *(".pgm", ".pnm", ".exr", ".dng", ".cr2", ".nef", ".arw", ".psd", ".svg"),
)
_LEFTOVERS = {  # of Windows, macOS, NAS systems and file systems, in lower case
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "#recycle"),
    *("$recycle.bin", "system volume information", "lost+found"),
}


def is_leftover(name: str) -> bool:
    """Returns whether a file or folder is hidden, or left there by a system."""
    return name.startswith(".") or name.lower() in _LEFTOVERS


@dataclass(frozen=True)
class FoundFile:
    """A file, and the part of its name, as it is written, that `{key}` stands for."""

    key: str
    path: str


class FoundFiles:
    """The files of a place.

    Attributes:
        template: of their names.
        files: in the order of their names, folder by folder.
        problems: what has to be put right, a line each.
        notes: what is left out although it looks like an image, a line each.
    """

    def __init__(self, template: Template) -> None:
        self.template = template
        self.files: list[FoundFile] = []
        self.problems: list[str] = []
        self.notes: list[str] = []

    def by_key(self, flat: bool = False) -> dict[str, FoundFile]:
        """Returns the file of every key; two of one key become a problem.

        Args:
            flat: write `__` for `/` in keys, as `generate` does in names of files.

        Returns:
            Composed key -> file.
        """
        found: dict[str, FoundFile] = {}
        for file in self.files:
            key = compose(file.key.replace("/", "__") if flat else file.key)
            other = found.setdefault(key, file)
            if other is not file:
                self.problems.append(self._double(file, other))
        return found

    def _double(self, file: FoundFile, other: FoundFile) -> str:
        problem = f"{file.path}: same name as {other.path}"
        if file.key != other.key:
            if compose(file.key) == compose(other.key):
                problem += " but for the Unicode form of its letters"
            return f"{problem}; rename one of them"
        if ending(file.path) == ending(other.path) or not self.template.any_ending:
            return f"{problem} but for upper and lower case; rename one of them"
        choices = (self.template.with_ending(ending(x.path)) for x in (other, file))
        return f"{problem}; choose one ending by {' or '.join(choices)}, or rename one"


def find_files(template: Template) -> FoundFiles:
    """Lists the files that fit a template, in its folder and all folders in there."""
    found = FoundFiles(template)
    if not os.path.isdir(template.root):
        found.problems.append(_no_folder(template))
        return found
    others: list[str] = []
    for relative, entry in _walk(template.root, found):
        key = template.key_of(relative)
        looks_like_image = ending(relative) in _ALL_ENDINGS
        path = os.path.join(template.root, relative)
        if _is(entry.is_dir):
            if looks_like_image:
                found.notes.append(f"{path}: is a folder, in spite of its name")
        elif key is None:
            others += [path] * (looks_like_image and template.any_ending)
        elif not _is(entry.is_file):
            what = "a link to nothing" if entry.is_symlink() else "not a regular file"
            found.problems.append(f"{path}: is {what}; remove or replace it")
        elif not _is_text(relative):
            found.problems.append(f"{ascii(path)}: its name is not UTF-8; rename it")
        else:
            found.files.append(FoundFile(key, path))
    if others:
        found.notes.append(_left_out(others, template))
    return found


def find_in(
    place: str | os.PathLike,
    option: str,
    endings: Sequence[str] = IMAGE_ENDINGS,
) -> FoundFiles:
    """Lists the files of what a user wrote: a folder, or a template with `{key}`."""
    return find_files(Template.of(place, option, endings))


def images_in(
    place: str | os.PathLike, option: str, *, flat: bool = False
) -> dict[str, FoundFile]:
    """Returns the PNGs of what a user wrote, sorted; prints what is left out.

    Args:
        place: a folder, or a template with `{key}`, which may name other endings.
        option: the command line's, for messages.
        flat: write `__` for `/` in keys; see `FoundFiles.by_key`.

    Returns:
        Composed key -> file.

    Raises:
        InputError: for a place without PNGs.
        DataErrors: for everything that has to be put right.
    """
    found = find_in(place, option, (".png",))
    files = found.by_key(flat)
    if found.problems:
        raise DataErrors(found.problems, f"{option} {place}")
    if not files:
        shown = "".join(f" ({note})" for note in found.notes)
        raise InputError(f"{option} {place}: no *.png in there{shown}")
    print_notes(found.notes)
    return dict(sorted(files.items(), key=lambda x: Path(x[1].path).parts))


class Partners:
    """PNGs of the same names as files that were found, such as their instance maps.

    Args:
        place: a folder, or a template with `{key}`.
        option: the command line's, for messages.
        what: what each of them is, for messages.
    """

    def __init__(
        self,
        place: str | os.PathLike,
        option: str = "--instances",
        what: str = "instance map",
    ) -> None:
        found = find_in(place, option, (".png",))
        self._what = what
        self._template, self._files = found.template, found.by_key()
        self.problems = found.problems

    def path_of(self, key: str) -> str:
        """Returns the path of a key's file; `InputError` if it is missing."""
        found = self._files.get(compose(key))
        if found is None:
            raise InputError(f"{self._template.path_of(key)}: missing {self._what}")
        return found.path


def print_notes(notes: Sequence[str]) -> None:
    """Prints a line for each."""
    for note in notes:
        # Names may hold bytes that are not UTF-8, which cannot be printed.
        print(f"note: {note}".encode(errors="backslashreplace").decode())


def _walk(root: str, found: FoundFiles) -> Iterator[tuple[str, os.DirEntry]]:
    """Yields paths relative to the root, of folders too, those of one folder sorted.

    Links to folders are followed, but to none that the way there leads through.
    """
    waiting = [("", (_identity(root),))]
    while waiting:
        relative, way = waiting.pop()
        folder = os.path.join(root, relative) if relative else root
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found.problems.append(f"{folder}: cannot be listed ({error.strerror})")
            continue
        below = []
        for entry in entries:
            if is_leftover(entry.name):
                continue
            path = f"{relative}/{entry.name}" if relative else entry.name
            if _is(entry.is_dir):
                identity = _identity(entry.path)
                if identity in way:
                    found.notes.append(f"{entry.path}: leads back to itself; left out")
                    continue
                below.append((path, (*way, identity)))
            yield path, entry
        waiting += reversed(below)


def _is(kind: Callable[[], bool]) -> bool:
    try:
        return kind()
    except OSError:  # a link that leads to itself
        return False


def _identity(folder: str) -> tuple[int, int]:
    facts = os.stat(folder)
    return facts.st_dev, facts.st_ino


def _is_text(name: str) -> bool:
    return name == name.encode(errors="replace").decode()


def _no_folder(template: Template) -> str:
    root = template.root
    if os.path.exists(root):
        return f"{root}: is not a folder; expected files {template.text} there"
    problem = f"{root}: no such folder; expected files {template.text} there"
    above, name = os.path.split(os.path.normpath(root))
    try:
        there = os.listdir(above or ".")
    except OSError:
        return problem
    alike = [x for x in there if compose(x).casefold() == compose(name).casefold()]
    if alike:
        problem += (
            f"; there is {os.path.join(above, alike[0])}, whose name differs in upper "
            "and lower case or in the Unicode form of its letters"
        )
    return problem


def _left_out(paths: list[str], template: Template) -> str:
    shown = ", ".join(os.path.basename(path) for path in paths[:3])
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return (
        f"{template.root}: left out {shown}{more}; expected are files that end in "
        + ", ".join(template.endings)
    )
