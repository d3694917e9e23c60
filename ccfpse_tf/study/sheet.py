"""The pictures of a study, under names that do not tell the method."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ccfpse_tf.data.datasets import Color
from ccfpse_tf.data.image_files import read_photo
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.runtime.progress_bar import track
from ccfpse_tf.study.design import derive
from ccfpse_tf.study.matching import Pair
from ccfpse_tf.study.trial_pictures import draw_layout, spoil

Draw = Callable[[], np.ndarray]


class Sheet:
    """Notes pictures, names them, and writes all of them at the end.

    Args:
        secret: text from which the names are derived.
        colors: of label ids, see `draw_layout`.
        by_color: as for `draw_layout`.
    """

    def __init__(
        self,
        secret: str,
        colors: Mapping[int, Color] | None,
        by_color: bool = False,
    ) -> None:
        self.secret, self.colors, self.by_color = secret, colors, by_color
        self.drawings: dict[str, Draw] = {}

    def _add(self, draw_it: Draw, *parts: str) -> str:
        name = f"{derive(self.secret, 'picture', *parts)}.png"
        self.drawings[name] = draw_it
        return name

    def image(self, path: Path, *parts: str) -> str:
        """Notes an image as it is; ``parts`` identify it."""
        return self._add(functools.partial(read_picture, path), *parts)

    def spoilt(self, path: Path, *parts: str) -> str:
        """Notes a spoilt copy of an image, for an attention check."""
        code = int(derive(self.secret, "noise", *parts), 16)
        rng = np.random.default_rng(code)
        return self._add(lambda: spoil(read_picture(path), rng), *parts)

    def layout(self, pair: Pair) -> str:
        """Notes the layout of a pair, at the size of its images."""

        def draw_it():
            size = read_picture(pair.a).shape[:2]
            return draw_layout(pair.label, size, self.colors, self.by_color)

        return self._add(draw_it, "layout", pair.key)

    def write(self, folder: Path) -> None:
        """Writes all as PNG, without metadata.

        In the order of the names, as the dates of files could tell the method, too.
        """
        folder.mkdir(parents=True)
        problems = []
        order = sorted(self.drawings)
        for name in track(order, len(order), "writing pictures"):
            try:
                picture = self.drawings[name]()
            except InputError as error:
                problems.append(str(error))
                continue
            Image.fromarray(picture).save(folder / name)
        if problems:
            raise DataErrors(dict.fromkeys(problems), "the pictures of the study")


def read_picture(path: Path) -> np.ndarray:
    """Returns the pixels of an image: uint8 ``(height, width, 3)``."""
    return read_photo(path).pixels
