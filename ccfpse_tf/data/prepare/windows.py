"""Windows of large examples, side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ccfpse_tf.data.image_files import photo_size
from ccfpse_tf.errors import InputError

if TYPE_CHECKING:
    from ccfpse_tf.data.prepare.sources import FileItem, Sample


@dataclass(frozen=True)
class WindowItem:
    """A window of another example: its place and size in pixels."""

    item: FileItem
    top: int
    left: int
    size: tuple[int, int]

    @property
    def key(self) -> str:
        """The example's key and the window's place."""
        return f"{self.item.key}_y{self.top}_x{self.left}"

    def files(self) -> tuple[str, ...]:
        """The files of the whole example."""
        return self.item.files()

    def load(self) -> Sample:
        """Reads the whole example and cuts the window out of all maps."""
        sample = self.item.load()
        arrays = {"image": sample.image, "label": sample.label}
        if sample.instance is not None:
            arrays["instance"] = sample.instance
        if len({array.shape[:2] for array in arrays.values()}) > 1:
            return sample  # the check that follows tells the sizes
        rows, columns = (
            slice(start, start + edge)
            for start, edge in zip((self.top, self.left), self.size, strict=True)
        )
        windows = {name: array[rows, columns] for name, array in arrays.items()}
        return replace(sample, key=self.key, original=None, **windows)

    def read_by(self, reading: str) -> WindowItem:
        """Returns the same window, its label file read otherwise."""
        return replace(self, item=self.item.read_by(reading))


def windows_of(item: FileItem, size: tuple[int, int]) -> list[WindowItem]:
    """Returns the windows of a size that fit into an example side by side, centred.

    Raises:
        InputError: a photograph that cannot be read, or is smaller than a window.
    """
    whole = photo_size(item.image)
    starts = []
    for edge, part in zip(whole, size, strict=True):
        count = edge // part
        margin = (edge - count * part) // 2
        starts.append([margin + part * number for number in range(count)])
    found = [
        WindowItem(item, top, left, size) for top in starts[0] for left in starts[1]
    ]
    if not found:
        raise InputError(
            f"{item.image}: {whole[0]}x{whole[1]} pixels (height x width), less than "
            f"--val-windows {size[0]}x{size[1]}; give a smaller size"
        )
    return found
