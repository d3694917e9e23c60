"""The pictures that a study can show: two images of a layout, and the layout."""

import dataclasses
import re
from pathlib import Path

from ccfpse_tf.data.datasets import Color
from ccfpse_tf.data.find_files import find_in, print_notes
from ccfpse_tf.data.image_files import photo_size
from ccfpse_tf.data.label_mapping import DONT_CARE_FILE_ID
from ccfpse_tf.data.prepare.palette_file import read_palette
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.files.output_folder import MARKER
from ccfpse_tf.files.text_files import read_json

FIRST_STYLE = re.compile(r"(.+)_style(\d+)")
_PHOTOS = (".png", ".jpg", ".jpeg")


@dataclasses.dataclass(frozen=True)
class Pair:
    """The files of one layout: images of ``a`` and ``b``, and its label map."""

    key: str
    a: Path
    b: Path
    label: Path


@dataclasses.dataclass(frozen=True)
class Matched:
    """Layouts that all three folders have, and the keys that one of them lacks.

    Args:
        pairs: sorted by key.
        missing: option -> keys that the others have.
    """

    pairs: tuple[Pair, ...]
    missing: dict[str, tuple[str, ...]]


def match(a: str | Path, b: str | Path, labels: str | Path) -> Matched:
    """Pairs the pictures of three folders by their names without ending.

    Each is an output of ``generate`` (the first style of a layout counts), a folder of
    pictures, or a template such as ``gtFine/val/{key}_gtFine_labelIds.png``.

    Raises:
        DataErrors: no such folder, no pictures, two of the same name.
        InputError: no key that all have; pictures of a pair that differ in size.
    """
    problems: list[str] = []
    found = {
        "--a": _pictures(a, "--a", problems, _PHOTOS),
        "--b": _pictures(b, "--b", problems, _PHOTOS),
        "--labels": _pictures(labels, "--labels", problems, (".png",)),
    }
    if problems:
        raise DataErrors(problems, "the folders of the study")
    common = set.intersection(*map(set, found.values()))
    every = set.union(*map(set, found.values()))
    missing = {name: tuple(sorted(every - set(keys))) for name, keys in found.items()}
    missing = {name: keys for name, keys in missing.items() if keys}
    if not common:
        names = ", ".join(f"{name} has {min(keys)!r}" for name, keys in found.items())
        raise InputError(
            f"no name is in all of --a, --b and --labels: {names}; where names differ "
            "by what comes before or after the key, give a template: 'DIR/{key}_x.png'"
        )
    places = (found["--a"], found["--b"], found["--labels"])
    pairs = tuple(Pair(key, *(at[key] for at in places)) for key in sorted(common))
    _check_sizes(pairs)
    return Matched(pairs, missing)


def label_colors(a: str | Path, b: str | Path, palette: Path | None):
    """Returns label id -> colour, None if neither the user nor ``generate`` says.

    Raises:
        InputError: a palette file or a ``generated.json`` that cannot be read.
    """
    if palette is not None:
        known = read_palette(palette)
        colors = {id_: known.colors[index] for id_, index in known.ids.items()}
        return ({DONT_CARE_FILE_ID: (0, 0, 0)} if known.dont_care else {}) | colors
    for folder in (a, b):
        path = Path(folder) / MARKER
        if path.is_file():
            colors = _stored_colors(path)
            if colors:
                return colors
    return None


def _stored_colors(path: Path) -> dict[int, Color]:
    try:
        stored = read_json(path, "the notes of `generate`").get("label_colors", {})
        return {int(id_): tuple(color) for id_, color in stored.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); run `generate` again"
        ) from None


def _pictures(place, option, problems, endings) -> dict[str, Path]:
    """Key -> file; slashes in keys become ``__``, as ``generate`` writes them."""
    place = str(place)
    generated = (Path(place) / MARKER).is_file()
    try:
        listing = find_in(_folder(place, generated), option, endings)
    except InputError as error:
        problems.append(str(error))
        return {}
    found = {key: Path(file.path) for key, file in listing.by_key(flat=True).items()}
    problems += [f"{option} {problem}" for problem in listing.problems]
    if found and (generated or all(map(FIRST_STYLE.fullmatch, found))):
        found = _first_styles(found)
    if not found and not listing.problems:
        kinds = ", ".join(f"*{ending}" for ending in endings)
        problems.append(f"{option} {place}: no pictures ({kinds}) in there")
    print_notes(listing.notes)
    return found


def _folder(place, generated):
    return f"{place}/images" if generated else place


def _first_styles(found):
    matches = {path: FIRST_STYLE.fullmatch(key) for key, path in found.items()}
    return {m[1]: path for path, m in matches.items() if m and m[2] == "1"}


def _check_sizes(pairs):
    problems = []
    for pair in pairs:
        try:
            sizes = photo_size(pair.a), photo_size(pair.b)
        except InputError as error:
            problems.append(str(error))
            continue
        if sizes[0] != sizes[1]:
            (ha, wa), (hb, wb) = sizes
            problems.append(
                f"{pair.key}: {pair.a} has {ha}x{wa}, {pair.b} has {hb}x{wb}; "
                "bring both to one size, raters would tell them apart by it"
            )
    if problems:
        raise DataErrors(problems, "the pairs of images")
