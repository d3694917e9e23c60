"""The images of an evaluation: drawn by a run, or taken from a folder."""

import dataclasses
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from ccfpse_tf.checkpoints import latest, require_checkpoint
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.records import read_description
from ccfpse_tf.devices import open_strategy, parse_devices
from ccfpse_tf.drawing import Drawing
from ccfpse_tf.errors import InputError
from ccfpse_tf.judges import Judged
from ccfpse_tf.runs import read_run
from ccfpse_tf.styles import Styles, key_of, resolve_source
from ccfpse_tf.workers import Workers


@dataclasses.dataclass(frozen=True)
class Images:
    """What is to be judged: a run's images of a split, or finished ones in a folder.

    Args:
        run: draws the images; or
        folder: holds them, named as `generate` and `evaluate` name theirs:
            ``KEY.png`` or ``KEY_style1.png``, with ``__`` for ``/``.
        records: layouts and real images; default those of the run's training.
        split: of the records.
        count: how many, from the start of the split; None for all.
        style: as for `generate`, of one image per layout.
        seed: of the styles.
        batch: layouts drawn at once, on all devices together.
        devices: as for `train`.
    """

    run: Path | None = None
    folder: Path | None = None
    records: Path | None = None
    split: str = "val"
    count: int | None = None
    style: str | None = None
    seed: int = 0
    batch: int = 4
    devices: str = "auto"


class Source:
    """Examples with the images to judge; make it by :meth:`open`.

    Attributes:
        description: of the records.
        size: ``(height, width)`` of the images.
        count: how many there are.
    """

    def __init__(self, images: Images, run, records, description, size, count):
        self.images, self.run, self.records = images, run, records
        self.description, self.size, self.count = description, size, count
        self.style = "none"
        if run:
            self.style = resolve_source(run, images.style, 1, None)

    @classmethod
    def open(cls, images: Images):
        """Checks everything that can be checked before anything is drawn.

        Raises:
            InputError: no checkpoint, no such split, no images, unfitting styles.
        """
        run = read_run(images.run) if images.run else None
        if run:
            require_checkpoint(run)
        records = images.records or (run and Path(run.config.data.records))
        description = read_description(records)
        if images.split not in description.splits:
            raise InputError(
                f"{records} has no split {images.split!r}; it has "
                f"{', '.join(sorted(description.splits))}: choose one with --split"
            )
        split = description.splits[images.split]
        size = run.config.data.image_size if run else _first_size(images.folder)
        count = min(split.count, images.count or split.count)
        return cls(images, run, Path(records), description, tuple(size), count)

    def protocol(self) -> dict:
        """Whatever the images depend on."""
        facts = {
            "data": self.description.name,
            "records": _digest_text(
                json.dumps(_identity(self.description, self.images.split))
            ),
            "split": self.images.split,
            "images": self.count,
            "image_size": list(self.size),
            "style": self.style,
        }
        if not self.run:
            return facts | {"folder": str(Path(self.images.folder).resolve())}
        checkpoint = latest(self.run.checkpoints)
        if Path(self.style).is_file():
            facts["style_image"] = _digest([Path(self.style)])
        return facts | {
            "run": str(self.run.directory.resolve()),
            "checkpoint": checkpoint.name,
            "checkpoint_sha256": _digest(sorted(checkpoint.glob("state.*"))),
            "averaged_generator": self.run.config.generator.average_decay > 0,
            "seed": self.images.seed,
        }

    def examples(self, folder: Path, start: int, label_sizes) -> Iterator[Judged]:
        """Yields what comes after the first ``start`` layouts, with its image.

        Args:
            folder: for the images drawn; those that are there are not drawn again.
            start: how many layouts to pass over.
            label_sizes: further sizes to give labels in.

        Raises:
            InputError: an image that is missing, cannot be read or has another size.
        """
        stream = evaluation_dataset(self.records, self.size, 1, self.images.split)
        sizes = set(label_sizes) - {self.size}
        labels = {
            size: evaluation_dataset(self.records, size, 1, self.images.split)
            for size in sizes
        }
        streams = [stream, *labels.values()]
        zipped = (
            tf.data.Dataset.zip(tuple(streams)).skip(start).take(self.count - start)
        )
        rows = zip(itertools.count(start), zipped, strict=False)
        for index, example, others, image in self._with_images(rows, folder):
            yield Judged(
                index=index,
                key=key_of(example),
                image=image,
                real=_exact_uint8(example["image"][0]),
                labels={self.size: np.asarray(example["label"][0])}
                | {
                    size: np.asarray(other["label"][0])
                    for size, other in zip(labels, others, strict=True)
                },
            )

    def _with_images(self, rows, folder):
        if not self.run:
            for index, (example, *others) in rows:
                path = _image_of(self.images.folder, key_of(example))
                yield index, example, others, _read(path, self.size)
            return
        folder.mkdir(exist_ok=True)
        drawing = self._drawing()
        styles = Styles(drawing.model, self.style, 1, self.images.seed, self.run)
        while batch := list(itertools.islice(rows, self.images.batch)):
            paths = [folder / f"{_stem(key_of(row[0]))}.png" for _, row in batch]
            missing = [i for i, path in enumerate(paths) if not path.exists()]
            if missing:
                drawn = _draw(drawing, styles, [batch[i] for i in missing])
                for i, image in zip(missing, drawn, strict=True):
                    _write_image(paths[i], image)
            for (index, (example, *others)), path in zip(batch, paths, strict=True):
                yield index, example, others, _read(path, self.size)

    def _drawing(self):
        strategy = open_strategy(parse_devices(self.images.devices), Workers())
        return Drawing(self.run, self.description, strategy)


def _draw(drawing, styles, batch):
    """Images of ``(index, (example, ...))`` rows."""
    examples = [row[0] for _, row in batch]
    codes = [styles.codes(index, [row[0]])[0][0] for index, row in batch]
    z = None if codes[0] is None else np.concatenate(codes)
    instance = None
    if "instance" in examples[0]:
        instance = np.concatenate([np.asarray(x["instance"]) for x in examples])
    label = np.concatenate([np.asarray(x["label"]) for x in examples])
    return drawing.images(label, instance, z)


def _stem(key: str) -> str:
    return key.replace("/", "__")


def _image_of(folder, key) -> Path:
    for name in (f"{_stem(key)}.png", f"{_stem(key)}_style1.png"):
        if (path := Path(folder) / name).is_file():
            return path
    raise InputError(
        f"--images {folder}: no {_stem(key)}.png (or {_stem(key)}_style1.png) for the "
        f"layout {key}; draw the whole split, or judge its start alone with --count"
    )


def _first_size(folder) -> tuple[int, int]:
    path = next(iter(sorted(Path(folder).glob("*.png"))), None)
    if path is None:
        raise InputError(f"--images {folder}: no *.png in there")
    return _read(path, None).shape[:2]


def _read(path, size) -> np.ndarray:
    try:
        with Image.open(path) as file:
            image = np.asarray(file.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(
            f"{path}: the image cannot be read ({error}); delete it to have it drawn "
            "again"
        ) from None
    if size and image.shape[:2] != size:
        found, wanted = ("x".join(map(str, x)) for x in (image.shape[:2], size))
        raise InputError(
            f"{path}: is {found} (height x width), the others are {wanted}"
        )
    return image


def _write_image(path, image):
    aside = path.with_name(f".{path.name}.partial")
    Image.fromarray(image).save(aside, format="png")
    os.replace(aside, path)


def _exact_uint8(image) -> np.ndarray:
    """The bytes that were scaled to ``[-1, 1]``."""
    return np.rint((np.asarray(image, np.float64) + 1) * 127.5).astype(np.uint8)


def _identity(description, split) -> list:
    """What makes records the same, wherever they lie."""
    facts = description.splits[split]
    return [
        description.name,
        description.class_names,
        description.label_mapping,
        split,
        facts.count,
        facts.height,
        facts.width,
        facts.shard_lengths,
        facts.shard_bytes,
    ]


def _digest_text(text) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(paths) -> str:
    """SHA-256 of files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
