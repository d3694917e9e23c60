"""What `resynthesise` writes: label maps, images, differences, a page, a table."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.find_files import FoundFile, Partners
from ccfpse_tf.data.image_files import read_ids, read_photo
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.label_photos import find_photos, ids_png
from ccfpse_tf.evaluation.metrics.auroc import auroc
from ccfpse_tf.evaluation.resynthesis import COLUMNS, Resynthesised, Resynthesiser
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.output_folder import check_out
from ccfpse_tf.generation.gallery import GalleryRow, Page, write_page
from ccfpse_tf.generation.generate import SHOWN
from ccfpse_tf.generation.pictures import colorize
from ccfpse_tf.runtime.progress_bar import track

MARKER = "resynthesised.json"  # marks a folder that `resynthesise` wrote


def resynthesise(
    resynthesiser: Resynthesiser,
    places: Sequence[str | os.PathLike],
    out: Path,
    *,
    masks: Path | None = None,
    facts: Sequence[tuple[str, object]] = (),
) -> dict:
    """Writes label maps, images and differences of photos, a page and a table.

    Everything is written under a hidden name and renamed at the end; an earlier output
    of this function is replaced then, and any other folder with files in it is refused.

    Args:
        resynthesiser: that draws.
        places: photos, folders of them, or templates such as ``DIR/{key}.jpg``.
        out: folder to make: ``labels/``, ``images/``, ``differences/``, ``scores.csv``,
            ``index.html`` and ``resynthesised.json``.
        masks: folder or template of PNGs of the photos' names and sizes, other than 0
            where an anomaly is.
        facts: for the page.

    Returns:
        The facts in ``resynthesised.json``: ``photos``, ``distance``, ``bright`` and,
        with masks, ``auroc`` over the pixels of all photos (None where they are all
        anomalous, or none is).

    Raises:
        InputError: no photos, a folder in the way.
        DataErrors: all photos and masks that cannot be read, before anything is drawn
            of the ones that follow; nothing is written then.
    """
    check_out(out, MARKER, "resynthesise")
    files = find_photos(places, out)
    partners = None if masks is None else Partners(masks, "--masks", "mask")
    problems = [] if partners is None else partners.problems
    data, difference = resynthesiser.data, resynthesiser.difference
    rows, table, pixels = [], [], []
    with new_folder(out, replace=True) as aside:
        for drawn in _draw(resynthesiser, files, partners, problems):
            _write_pictures(aside, drawn, data, difference.bright)
            table.append({"photo": drawn.key} | drawn.scores())
            if partners is not None:
                pixels.append((drawn.difference, drawn.anomalous))
            if len(rows) < SHOWN:
                rows.append(_row(drawn, data, difference.bright))
        if problems:
            raise DataErrors(dict.fromkeys(problems), "the photos")
        found = _facts(difference, len(table), pixels)
        _write_table(aside / "scores.csv", table)
        page = Page(
            title="Photos drawn anew",
            facts=(*facts, *_shown(found).items()),
            names=data.index_names,
            palette=data.index_palette,
        )
        write_page(aside / "index.html", page, rows, len(table))
        write_json(aside / MARKER, found)
    return found


def _draw(
    resynthesiser, files: list[FoundFile], partners, problems
) -> Iterator[Resynthesised]:
    """Draws the photos; after the first problem, only the others are looked for."""
    for file in track(files, len(files), "resynthesising"):
        try:
            photo = read_photo(file.path).pixels
            mask = None if partners is None else _mask(partners, file, photo)
            if problems:
                continue
            drawn = resynthesiser(file.key, photo, mask)
        except InputError as error:
            problems.append(str(error))
            continue
        yield drawn


def _mask(partners, file, photo):
    path = partners.path_of(file.key)
    mask = read_ids(path)
    if mask.shape != photo.shape[:2]:
        height, width = photo.shape[:2]
        raise InputError(
            f"{path}: is {mask.shape[0]}x{mask.shape[1]} (height x width), its photo "
            f"{file.path} {height}x{width}; they must have one size"
        )
    return mask


def _write_pictures(folder, drawn: Resynthesised, data, bright):
    ids = {index: id_ for id_, index in sorted(data.label_ids.items(), reverse=True)}
    file_ids = [ids.get(index, index) for index in range(data.label_channels)]
    label = ids_png(drawn.label, file_ids, data.index_palette)
    for name in ("labels", "images", "differences"):
        (folder / name / f"{drawn.key}.png").parent.mkdir(parents=True, exist_ok=True)
    (folder / "labels" / f"{drawn.key}.png").write_bytes(label)
    Image.fromarray(drawn.image).save(folder / "images" / f"{drawn.key}.png")
    grey = Image.fromarray(_bytes(drawn.difference, bright))
    grey.save(folder / "differences" / f"{drawn.key}.png")


def _bytes(difference, bright):
    return np.rint(np.clip(difference / bright, 0, 1) * 255).astype(np.uint8)


def _row(drawn: Resynthesised, data, bright) -> GalleryRow:
    grey = _bytes(drawn.difference, bright)
    pictures = [drawn.image, np.repeat(grey[..., None], 3, -1)]
    captions = ["drawn from the label map", "difference from the photo"]
    label = colorize(drawn.label, data.index_palette)
    present = tuple(int(index) for index in np.unique(drawn.label))
    return GalleryRow(drawn.key, label, pictures, captions, drawn.photo, present)


def _write_table(path, table):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ("photo", *COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(_shown, table))


def _shown(row):
    return {
        name: f"{value:.6g}" if isinstance(value, float) else value
        for name, value in row.items()
    }


def _facts(difference, count, pixels) -> dict:
    facts = {"photos": count, "distance": difference.name, "bright": difference.bright}
    if pixels:
        values, masks = (
            np.concatenate([x.ravel() for x in y]) for y in zip(*pixels, strict=True)
        )
        facts["auroc"] = auroc(values, masks)
    return facts
