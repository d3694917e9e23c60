"""The images of an evaluation: drawn by a run, or taken from a folder."""

import dataclasses
import functools
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.records import read_description
from ccfpse_tf.data.transforms import photograph_to_uint8
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_folder import (
    first_size,
    image_of,
    read_image,
    stem,
    write_image,
)
from ccfpse_tf.evaluation.image_metric import EvaluatedImage
from ccfpse_tf.files.digests import sha256, sha256_of_files
from ccfpse_tf.generation.styles import Styles, key_of, resolve_source
from ccfpse_tf.generation.trained_model import TrainedModel
from ccfpse_tf.runs.checkpoint_folder import latest, require_checkpoint
from ccfpse_tf.runs.data_check import describe_data
from ccfpse_tf.runs.run_folder import read_run
from ccfpse_tf.runtime.devices import open_strategy, parse_devices
from ccfpse_tf.runtime.workers import Workers


@dataclasses.dataclass(frozen=True)
class Images:
    """What is to be measured: a run's images of a split, or finished ones in a folder.

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


class ImageSource:
    """Examples with the images to measure; make it by :meth:`open`.

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
            # Now, as nothing else may have computed before.
            devices = parse_devices(images.devices)
            self._strategy = open_strategy(devices, Workers())

    @classmethod
    def open(cls, images: Images):
        """Checks everything that can be checked before anything is drawn.

        Raises:
            InputError: no checkpoint, no such split, no images, unfitting styles.
        """
        run = read_run(images.run) if images.run else None
        if run:
            require_checkpoint(run)
            records, description = describe_data(run, images.records)
        elif images.records:
            records, description = images.records, read_description(images.records)
        else:
            raise InputError("--images: which layouts are they of? add --records DIR")
        if images.split not in description.splits:
            raise InputError(
                f"{records} has no split {images.split!r}; it has "
                f"{', '.join(sorted(description.splits))}: choose one with --split"
            )
        split = description.splits[images.split]
        size = run.config.data.image_size if run else first_size(images.folder)
        count = min(split.count, images.count or split.count)
        return cls(images, run, Path(records), description, tuple(size), count)

    @classmethod
    def of_records(cls, records: Path, split: str, size, count: int | None):
        """Layouts and photographs alone; somebody else draws.

        Args:
            records: folder of records.
            split: of them.
            size: ``(height, width)``.
            count: how many, None for all.
        """
        description = read_description(records)
        there = description.splits[split].count
        images = Images(records=records, split=split)
        count = min(there, count or there)
        return cls(images, None, records, description, tuple(size), count)

    def layouts(self) -> tf.data.Dataset:
        """Batches of one with ``key``, ``image``, ``label`` and maybe ``instance``."""
        stream = evaluation_dataset(self.records, self.size, 1, self.images.split)
        return stream.take(self.count)

    def real_facts(self) -> dict:
        """What the photographs and layouts depend on."""
        identity = json.dumps(_identity(self.description, self.images.split))
        return {
            "data": self.description.name,
            "records": sha256(identity),
            "split": self.images.split,
            "images": self.count,
            "image_size": list(self.size),
        }

    def protocol(self) -> dict:
        """What the images depend on."""
        facts = self.real_facts() | {"style": self.style}
        if not self.run:
            return facts | {"folder": str(Path(self.images.folder).resolve())}
        checkpoint = latest(self.run.checkpoints)
        if Path(self.style).is_file():
            facts["style_image"] = sha256_of_files(Path(self.style))
        return facts | {
            "run": str(self.run.directory.resolve()),
            "checkpoint": checkpoint.name,
            "checkpoint_sha256": sha256_of_files(*sorted(checkpoint.glob("state.*"))),
            "averaged_generator": self.run.config.generator.average_decay > 0,
            "seed": self.images.seed,
        }

    def real_images(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yields key and uint8 photograph of every layout."""
        for example in self.layouts():
            yield key_of(example), photograph_to_uint8(example["image"][0])

    def require_styles(self) -> None:
        """Checks that layouts can be drawn in several styles.

        Raises:
            InputError: a folder of images, or a run without style code.
        """
        if not self.run:
            raise InputError("--diversity draws images: give --run instead of --images")
        resolve_source(self.run, "random", 2, None)

    def draw_styles(self, example: EvaluatedImage, styles: int) -> np.ndarray:
        """Draws a layout in styles from the prior, uint8 ``(styles, height, ...)``.

        They are those of `generate --style random` with the same seed.
        """
        prior = Styles(self.drawing.model, "random", styles, self.images.seed, self.run)
        z = np.concatenate([z for z, _ in prior.codes(example.index, [])])
        label, instance = (
            None if x is None else np.repeat(x[None], styles, axis=0)
            for x in (example.labels[self.size], example.instance)
        )
        return self.drawing.images(label, instance, z)

    def examples(
        self, folder: Path, start: int, label_sizes
    ) -> Iterator[EvaluatedImage]:
        """Yields what comes after the first ``start`` layouts, with its image.

        Args:
            folder: for the images drawn; those that are there are not drawn again.
            start: how many layouts to pass over.
            label_sizes: further sizes to give labels in.

        Raises:
            InputError: an image that is missing, cannot be read or has another size.
        """
        sizes = set(label_sizes) - {self.size}
        labels = {
            size: evaluation_dataset(self.records, size, 1, self.images.split)
            for size in sizes
        }
        # It ends where the layouts do.
        zipped = tf.data.Dataset.zip((self.layouts(), *labels.values())).skip(start)
        rows = zip(itertools.count(start), zipped, strict=False)
        for index, example, others, image in self._with_images(rows, folder):
            instance = example.get("instance")
            yield EvaluatedImage(
                index=index,
                key=key_of(example),
                image=image,
                real=photograph_to_uint8(example["image"][0]),
                labels={self.size: np.asarray(example["label"][0])}
                | {
                    size: np.asarray(other["label"][0])
                    for size, other in zip(labels, others, strict=True)
                },
                instance=None if instance is None else np.asarray(instance[0]),
            )

    def _with_images(self, rows, folder):
        if not self.run:
            for index, (example, *others) in rows:
                path = image_of(self.images.folder, key_of(example))
                yield index, example, others, read_image(path, self.size)
            return
        folder.mkdir(exist_ok=True)
        styles = Styles(self.drawing.model, self.style, 1, self.images.seed, self.run)
        while batch := list(itertools.islice(rows, self.images.batch)):
            paths = [folder / f"{stem(key_of(row[0]))}.png" for _, row in batch]
            missing = [i for i, path in enumerate(paths) if not path.exists()]
            if missing:
                drawn = _draw(self.drawing, styles, [batch[i] for i in missing])
                for i, image in zip(missing, drawn, strict=True):
                    write_image(paths[i], image)
            for (index, (example, *others)), path in zip(batch, paths, strict=True):
                yield index, example, others, read_image(path, self.size)

    @functools.cached_property
    def drawing(self) -> TrainedModel:
        """The run's model; opened when first used."""
        return TrainedModel(self.run, self.description, self._strategy)


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
