"""Templates of file names, such as `DIR/{key}_L.png`, as users write them.

Names are compared as people see them: endings in any case, letters with marks composed
or not.
"""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Sequence

from ccfpse_tf.errors import InputError

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm")
_KEY = "{key}"
_FORM = (
    "a template is a path in which {key} stands for what names differ in, such as "
    "DIR/{key}.*, DIR/{key}_L.png or DIR/{key}/images/{key}.png"
)


def compose(name: str) -> str:
    """Returns a name with its letters composed (Unicode NFC), to compare it by."""
    return unicodedata.normalize("NFC", name)


def ending(path: str) -> str:
    """Returns the ending of a path in lower case, such as `.png`."""
    return os.path.splitext(path)[1].lower()


class Template:
    """The names that files may have.

    Args:
        text: such as `photos/{key}.*`, where `.*` is any of `endings`.
        option: the command line's, for messages.
        endings: in lower case.

    Raises:
        InputError: for a template that cannot be understood.
    """

    def __init__(
        self,
        text: str,
        option: str = "--images",
        endings: Sequence[str] = IMAGE_ENDINGS,
    ) -> None:
        self.text, self.option, self.endings = text, option, tuple(endings)
        before, _, after = text.partition(_KEY)
        root, prefix = os.path.split(before)
        self.root = root or "."
        rest = (prefix + _KEY + after).replace(os.sep, "/")  # of Windows
        rest = re.sub("/(?:[.]?/)+", "/", rest)
        literal = rest.replace(_KEY, "").removesuffix(".*")
        if not os.path.isdir(self.root):
            literal = self.root + literal
        unknown = re.search(r"\{[^{}]*\}?|\}|\*+", literal)
        if unknown or _KEY not in text:
            what = f"{unknown[0]!r} means nothing here" if unknown else "lacks {key}"
            raise InputError(f"{option} {text}: {what}; {_FORM}")
        self.any_ending = rest.endswith(".*")
        self._as_written, self._composed = _pattern(rest), _pattern(compose(rest))

    @classmethod
    def of(
        cls,
        place: str | os.PathLike,
        option: str,
        endings: Sequence[str] = IMAGE_ENDINGS,
    ) -> Template:
        """Makes the template of what a user wrote: a folder, or a template."""
        text = os.path.expanduser(os.fspath(place))  # no shell does that in quotes
        if _KEY not in text and (os.path.isdir(text) or not re.search("[{}*]", text)):
            text = os.path.join(text, "{key}.*")
        return cls(text, option, endings)

    def path_of(self, key: str) -> str:
        """Returns the path that a key's file is expected at."""
        text = self.text
        if self.any_ending and len(self.endings) == 1:
            text = text[:-2] + self.endings[0]
        return text.replace(_KEY, key)

    def with_ending(self, ending: str) -> str:
        """Returns option and template for one ending, to be typed into a shell."""
        stem = self.text[:-2] if self.any_ending else os.path.splitext(self.text)[0]
        return f"{self.option} {shlex.quote(stem + ending)}"

    def key_of(self, path: str) -> str | None:
        """Returns the key of a path relative to the root, None if it does not fit."""
        match = self._as_written.fullmatch(path)
        if match is None and not path.isascii():
            match = self._composed.fullmatch(compose(path))
        if match is None or self.any_ending and ending(path) not in self.endings:
            return None
        return match["key"]


def _pattern(rest: str) -> re.Pattern:
    """Returns the pattern of paths relative to the root; the ending in any case."""
    last = re.search(r"(?:\.[^./]*)?$", rest)[0]
    first, *others = map(re.escape, rest.removesuffix(last).split(_KEY))
    end = r"\.[^./]+" if last == ".*" else f"(?i:{re.escape(last)})"
    return re.compile(f"{first}(?P<key>.+){'(?P=key)'.join(others)}{end}", re.DOTALL)
