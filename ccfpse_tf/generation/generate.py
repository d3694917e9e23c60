"""Images of a trained run, with the gallery page that shows them."""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.data.transforms import photograph_to_uint8
from ccfpse_tf.errors import InputError
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.output_folder import MARKER, check_out
from ccfpse_tf.gan.methods import method_of
from ccfpse_tf.generation import label_folder
from ccfpse_tf.generation.gallery import GalleryRow, Page, write_page
from ccfpse_tf.generation.pictures import colorize
from ccfpse_tf.generation.styles import Styles, key_of, resolve_source, windows
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.checkpoint_folder import require_checkpoint
from ccfpse_tf.runs.data_check import describe_data
from ccfpse_tf.runs.run_folder import read_run
from ccfpse_tf.runtime.progress_bar import track

SHOWN = 100  # layouts on the page; all of them are in images/


def generate(
    run_directory: Path,
    out: Path,
    *,
    records: Path | None = None,
    split: str = "val",
    count: int | None = 16,
    style: str | None = None,
    styles: int = 1,
    seed: int = 0,
    labels: Path | None = None,
    instances: Path | None = None,
) -> Path:
    """Generates images of a run: ``images/KEY_styleN.png`` and ``index.html``.

    The run's newest checkpoint is used. Everything is written under a hidden name and
    renamed at the end; an earlier output of this function is replaced then, and any
    other folder with files in it is refused.

    Args:
        run_directory: the run.
        out: folder to make.
        records: instead of the records that the run was trained on.
        split: of the records.
        count: how many layouts; None for all.
        style: ``"reference"`` takes each layout's styles from real images through the
            encoder (the first from its own image, as the official test does, the next
            from the images that follow it); ``"random"`` samples them from the prior;
            a path takes all of them from one image. Default: reference, or random for
            ``labels``.
        styles: images per layout.
        seed: of the styles; the same seed gives the same images.
        labels: folder of label PNGs with file ids, instead of records.
        instances: folder of instance PNGs of the same names, where the run needs them.

    Returns:
        The path of ``index.html``.

    Raises:
        InputError: a run without checkpoint, a folder in the way, styles that the run
            cannot give, labels that do not fit.
    """
    run = read_run(run_directory)
    require_checkpoint(run)
    check_out(out)
    style = resolve_source(run, style, styles, labels)
    records, description = describe_data(run, records, labels=labels is not None)
    size = run.config.data.image_size
    if labels:
        examples = label_folder.examples(labels, instances, description, size)
        available = len(examples)
    else:
        available = _images(records, description, split)
        examples = evaluation_dataset(records, size, 1, split=split)
    count = available if count is None else min(count, available)
    trained, method = TrainedModel(run, description), method_of(run.config)
    page = Page(
        title=f"{method.title} on {description.name}, {trained.step} steps",
        facts=_facts(run, trained.step, str(labels or split), style, seed),
        names=description.index_names,
        palette=description.index_palette,
    )
    examples = itertools.islice(examples, count)
    drawn = _draw(trained, examples, Styles(trained.model, style, styles, seed, run))
    with contextlib.nullcontext() if labels else clear_record_errors(records):
        return _write(out, page, track(drawn, count, "generating"), description)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One layout with its images, as arrays without batch axis."""

    key: str
    label: np.ndarray
    instance: np.ndarray | None
    fakes: list[np.ndarray]
    captions: list[str]
    real: np.ndarray | None


def _draw(trained: TrainedModel, examples, styles: Styles) -> Iterator[Drawn]:
    for index, window in enumerate(windows(examples, styles.count)):
        example = window[0]
        codes = styles.codes(index, window)
        instance = example.get("instance")
        fakes = [trained.images(example["label"], instance, z)[0] for z, _ in codes]
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


def _images(records, description, split):
    if split not in description.splits:
        raise InputError(
            f"{records} has no split {split!r}; it has "
            f"{', '.join(sorted(description.splits))}: choose one with --split"
        )
    return description.splits[split].count


def _facts(run, step, source, style, seed):
    return (
        ("run", str(run.directory)),
        ("step", step),
        ("layouts from", source),
        ("style", style),
        ("seed", seed),
        ("generator", method_of(run.config).summary(run.config)),
        ("size", "x".join(map(str, run.config.data.image_size))),
    )
