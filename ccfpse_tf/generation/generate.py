"""Images of a run or preset, with the gallery page that shows them."""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.data.transforms import photograph_to_uint8
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.output_folder import MARKER, check_out
from ccfpse_tf.gan.methods import method_of
from ccfpse_tf.generation.drawing_model import DrawingModel
from ccfpse_tf.generation.gallery import GalleryRow, Page, write_page
from ccfpse_tf.generation.pictures import colorize
from ccfpse_tf.generation.sources import Source
from ccfpse_tf.generation.styles import Styles, key_of, resolve_style, windows
from ccfpse_tf.runtime.progress_bar import track

SHOWN = 100  # layouts on the page; all of them are in images/


def generate(
    source: Source,
    out: Path,
    *,
    records: Path | None = None,
    split: str | None = None,
    count: int | None = 16,
    style: str | None = None,
    styles: int = 1,
    seed: int = 0,
    labels: Path | None = None,
    instances: Path | None = None,
) -> Path:
    """Generates images: ``images/KEY_styleN.png`` and ``index.html``.

    Everything is written under a hidden name and renamed at the end; an earlier output
    of this function is replaced then, and any other folder with files in it is refused.

    Args:
        source: a run, whose newest checkpoint is used, or a preset.
        out: folder to make.
        records: instead of the records that a run was trained on, or of a preset's
            example layouts.
        split: of the records, default ``val``.
        count: how many layouts; None for all.
        style: ``"reference"`` takes each layout's styles from real images through the
            encoder (the first from its own image, as the official test does, the next
            from the images that follow it); ``"random"`` samples them from the prior;
            ``"preset"`` takes those that a preset stores; a path takes all of them from
            one image. Default: reference for records, else those of the preset, else
            random.
        styles: images per layout.
        seed: of the styles; the same seed gives the same images.
        labels: folder of label PNGs with file ids, instead of records.
        instances: folder of instance PNGs of the same names, where the model needs
            them.

    Returns:
        The path of ``index.html``.

    Raises:
        InputError: a folder in the way, styles that the source cannot give, layouts
            that do not fit.
    """
    check_out(out)
    photos = labels is None and (source.has_photos or records is not None)
    style = resolve_style(source, style, styles, photos)
    layouts = source.layouts(records, split, labels, instances)
    count = layouts.count if count is None else min(count, layouts.count)
    model, data = source.model(layouts.description), layouts.description
    page = Page(
        title=f"{method_of(source.config).title} on {data.name}, {model.step} steps",
        facts=_facts(source, model.step, layouts, style, seed),
        names=data.index_names,
        palette=data.index_palette,
    )
    examples = itertools.islice(layouts.examples, count)
    drawn = _draw(model, examples, Styles(model.model, style, styles, seed, source))
    reading = layouts.records
    with clear_record_errors(reading) if reading else contextlib.nullcontext():
        return _write(out, page, track(drawn, count, "generating"), data)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One layout with its images, as arrays without batch axis."""

    key: str
    label: np.ndarray
    instance: np.ndarray | None
    fakes: list[np.ndarray]
    captions: list[str]
    real: np.ndarray | None


def _draw(model: DrawingModel, examples, styles: Styles) -> Iterator[Drawn]:
    for index, window in enumerate(windows(examples, styles.count)):
        example = window[0]
        codes = styles.codes(index, window)
        instance = example.get("instance")
        fakes = [model.images(example["label"], instance, z)[0] for z, _ in codes]
        real = example.get("image")
        yield Drawn(
            key_of(example),
            np.asarray(example["label"][0]),
            None if instance is None else np.asarray(instance[0]),
            fakes,
            [caption for _, caption in codes],
            None if real is None else photograph_to_uint8(real[0]),
        )


def _write(out, page: Page, drawn: Iterator[Drawn], description) -> Path:
    with new_folder(out, replace=True) as aside:
        images = aside / "images"
        images.mkdir()
        rows, total = [], 0
        for item in drawn:
            stem = item.key.replace("/", "__")
            for number, fake in enumerate(item.fakes, 1):
                Image.fromarray(fake).save(images / f"{stem}_style{number}.png")
            total += 1
            if total <= SHOWN:
                rows.append(_row(item, description))
        write_page(aside / "index.html", page, rows, total)
        facts = {"layouts": total, "label_colors": _colors(description)}
        write_json(aside / MARKER, dict(page.facts) | facts)
    return out / "index.html"


def _row(item: Drawn, description) -> GalleryRow:
    label = colorize(item.label, description.index_palette, item.instance)
    present = tuple(int(index) for index in np.unique(item.label))
    return GalleryRow(item.key, label, item.fakes, item.captions, item.real, present)


def _colors(description):
    """Colour of every id in label files, for pages that show other images of them."""
    palette = description.index_palette
    return {str(id_): palette[i] for id_, i in description.label_ids.items()}


def _facts(source, step, layouts, style, seed):
    return (
        (source.kind, source.name),
        ("step", step),
        ("layouts from", layouts.origin),
        ("style", style),
        ("seed", seed),
        ("generator", method_of(source.config).summary(source.config)),
        ("size", layouts.size),
    )
