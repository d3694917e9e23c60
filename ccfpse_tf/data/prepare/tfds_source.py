"""Examples from a copy of a data set that TensorFlow Datasets has installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ccfpse_tf.data.datasets import TFDSLayout
from ccfpse_tf.data.image_files import decode_label, decode_photo
from ccfpse_tf.data.prepare.sources import Sample
from ccfpse_tf.errors import InputError
from ccfpse_tf.runtime.startup import import_tensorflow


@dataclass(frozen=True)
class TFDSItem:
    """An example as TFDS stores it: two encoded images."""

    key: str
    place: str
    image: bytes
    label: bytes

    def files(self) -> tuple[str, ...]:
        """Returns the place in the data set, as an example is not a file of its own."""
        return (f"{self.place} (image)", f"{self.place} (label)")

    def load(self) -> Sample:
        """Decodes both images."""
        image_name, label_name = self.files()
        photo = decode_photo(self.image, image_name)
        label = decode_label(self.label, label_name)
        if label.ndim == 3 and (label != label[..., :1]).any():
            raise InputError(
                f"{label_name}: holds colours, not class ids. Copies whose annotation "
                "is the instance benchmark's (red: one of 100 things, green: object) "
                "cannot be used; prepare from the official folders with --source"
            )
        return Sample(
            self.key, photo.pixels, label, None, photo.original, photo.orientation
        )


class TFDSSource:
    """A split of an installed TFDS data set. It is read in order, in one process.

    Args:
        layout: names of the data set, its features and splits.
        split: our name of the split.
        data_dir: where TFDS keeps its data; None is its default.

    Raises:
        InputError: if the data set is not installed there.
    """

    drawn_size = None
    notes = ()

    def __init__(self, layout: TFDSLayout, split: str, data_dir: str | None) -> None:
        import_tensorflow()
        import tensorflow_datasets as tfds

        self._layout = layout
        self._split = layout.splits[split]
        try:
            self._builder = tfds.builder(layout.name, data_dir=data_dir, try_gcs=False)
            installed = self._split in self._builder.info.splits
        except (tfds.core.DatasetNotFoundError, OSError) as error:
            raise InputError(f"--tfds: {layout.name}: {error}") from error
        if not installed:
            raise InputError(
                f"--tfds: {layout.name} has no prepared split {self._split!r} in "
                f"{self._builder.data_dir}; prepare it there with `tfds build "
                f"{layout.name}`, or name the folder that holds it: --tfds DIR"
            )
        count = self._builder.info.splits[self._split].num_examples
        self.problems = [] if count else [f"--tfds: {layout.name}: {split} is empty"]
        self.keys = tuple(f"{self._split}_{index:06d}" for index in range(count))

    def __len__(self) -> int:
        return len(self.keys)

    def load(self, index: int) -> Sample:
        """Reads one example; reading in order with `items` is far quicker."""
        return next(self.items(index, index + 1)).load()

    def files(self, index: int) -> tuple[str, ...]:
        """Returns names for an example in messages, in place of its files."""
        return (f"{self._layout.name} {self._split}[{index}]",)

    def items(self, start: int, stop: int) -> Iterator[TFDSItem]:
        """Yields the examples `start..stop-1`, still encoded."""
        import tensorflow_datasets as tfds

        layout = self._layout
        dataset = self._builder.as_dataset(
            split=f"{self._split}[{start}:{stop}]",
            shuffle_files=False,
            decoders={
                layout.image: tfds.decode.SkipDecoding(),
                layout.label: tfds.decode.SkipDecoding(),
            },
        )
        for index, example in enumerate(dataset.as_numpy_iterator(), start):
            key = example[layout.key].decode() if layout.key else self.keys[index]
            yield TFDSItem(
                key, self.files(index)[0], example[layout.image], example[layout.label]
            )

    def identity(self) -> list:
        """Version and shards of the TFDS copy."""
        split = self._builder.info.splits[self._split]
        version = str(self._builder.version)
        return [self._layout.name, version, split.num_bytes, *split.shard_lengths]
