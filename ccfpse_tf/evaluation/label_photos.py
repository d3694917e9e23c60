"""Label maps of photos, as a segmentation network sees them."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.datasets import Color
from ccfpse_tf.data.file_template import compose
from ccfpse_tf.data.find_files import FoundFile, find_in, print_notes
from ccfpse_tf.data.image_files import encode_png, read_photo, turned_note
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.evaluators import Evaluator, open_evaluator
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.output_folder import check_out
from ccfpse_tf.runtime.progress_bar import track

MARKER = "labelled.json"  # marks a folder that `label` wrote


def label_photos(places: Sequence[str | os.PathLike], spec: str, out: Path) -> int:
    """Writes ``OUT/KEY.png`` for every photo; returns how many.

    A file's key is its name without ending, that of a file in a folder its path in
    there. Everything is written under a hidden name and renamed at the end; an earlier
    output of this function is replaced then, and any other folder with files in it is
    refused.

    Args:
        places: photos, folders of them, or templates such as ``DIR/{key}.jpg``.
        spec: of the network, as :func:`open_evaluator` takes it.
        out: folder to make.

    Raises:
        InputError: no photos, a network that cannot be opened, a folder in the way.
        DataErrors: two photos of one key, before anything is done; all photos that
            cannot be read or labelled. Nothing is written then.
    """
    check_out(out, MARKER, "label")
    files = find_photos(places, out)
    evaluator = open_evaluator(spec, multi_scale=False)
    problems, turned = [], []
    with new_folder(out, replace=True) as aside:
        for file in track(files, len(files), "labelling"):
            try:
                photo = read_photo(file.path)
                if problems:
                    continue  # which are left to be named
                classes = evaluator.label_photo(photo.pixels)
            except InputError as error:
                problems.append(str(error))
                continue
            turned += [file.path] * (photo.orientation != 1)
            target = aside / f"{file.key}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(label_png(classes, evaluator))
        if problems:
            raise DataErrors(problems, "the photos")
        write_json(aside / MARKER, _facts(evaluator, spec, len(files)))
    print_notes([turned_note(turned).removeprefix("note: ")] if turned else [])
    return len(files)


def _facts(evaluator, spec, count):
    protocol = evaluator.protocol
    known = {key: protocol[key] for key in ("weights", "runtime") if key in protocol}
    ids = dict(zip(evaluator.file_ids, evaluator.class_names, strict=True))
    return {"evaluator": spec, **known, "label_ids": ids, "label_maps": count}


def label_png(classes: np.ndarray, evaluator: Evaluator) -> bytes:
    """Returns classes ``(h, w)`` as a PNG of ids in label files."""
    return ids_png(classes, evaluator.file_ids, evaluator.palette)


def ids_png(
    classes: np.ndarray, file_ids: Sequence[int], palette: Sequence[Color]
) -> bytes:
    """Returns classes as a PNG of ids, which its table of colours shows.

    Ids beyond 255 have no colours, and 16 bits.

    Args:
        classes: ``(height, width)``, of any integers.
        file_ids: the id of every class.
        palette: the colour of every class.
    """
    ids = np.array(file_ids)
    if ids.max() > 255:
        return encode_png(ids.astype(np.uint16)[classes])
    colors = np.zeros((256, 3), np.uint8)
    colors[ids] = palette
    image = Image.fromarray(ids.astype(np.uint8)[classes])
    image.putpalette(colors.tobytes())  # all 256, so that every id has its 8 bits
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def find_photos(places: Sequence[str | os.PathLike], out: Path) -> list[FoundFile]:
    """Returns all photos, one for each key; prints what is left out.

    Args:
        places: as :func:`label_photos` takes them.
        out: the folder to make, which may not be in a folder of photos.

    Raises:
        InputError: no photos, or a folder to make among them.
        DataErrors: two photos of one key.
    """
    files, problems, notes = [], [], []
    for place in map(os.fspath, places):
        if os.path.isfile(place):
            files.append(FoundFile(Path(place).stem, place))
            continue
        if not os.path.exists(place) and "{key}" not in place:
            raise InputError(f"{place}: no such photo or folder of photos")
        found = find_in(place, "PHOTO")
        inside = found.by_key()
        if not inside and not found.problems:
            shown = "".join(f" ({note})" for note in found.notes)
            raise InputError(f"{place}: no photos in there{shown}")
        _check_outside(out, found.template.root)
        files += inside.values()
        problems += found.problems
        notes += found.notes
    problems += _doubles(files)
    if problems:
        raise DataErrors(dict.fromkeys(problems), "the photos")
    print_notes(notes)
    return files


def _doubles(files):
    """Yields a problem for each file whose map would be written over another's."""
    first = {}
    for file in files:
        other = first.setdefault(compose(file.key), file)
        if other is not file:
            yield (
                f"{file.path}: its label map would be {file.key}.png, as that of "
                f"{other.path}; rename one of them, or label them into two folders"
            )


def _check_outside(out, folder):
    if out.resolve().is_relative_to(Path(folder).resolve()):
        raise InputError(
            f"--out {out} is inside of {folder}, where the label maps would be photos "
            "the next time; name a folder beside it"
        )
