"""Style codes: from the real images, from one image, or from the prior."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.image_files import read_style
from ccfpse_tf.data.transforms import normalize_image, resize_image
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.methods import method_of
from ccfpse_tf.runs.converted import missing_networks
from ccfpse_tf.runs.run_folder import Run


def resolve_source(run: Run, style: str | None, count: int, labels) -> str:
    """Returns where styles come from, for :class:`Styles`, with the default filled in.

    Args:
        run: the run that generates the images.
        style: what the user asked for, or None.
        count: images per layout.
        labels: folder of label files, if these take the place of records.

    Raises:
        InputError: styles that this run, or these layouts, cannot give.
    """
    if not method_of(run.config).z_dim(run.config):
        if style or count > 1:
            raise InputError(
                f"{run.directory} was trained without style code (generator.z_dim is "
                "0), so it has one image per layout: leave out --style and --styles"
            )
        return "none"
    if style is None:
        style = "random" if labels else "reference"
    if style != "random" and "encoder" in missing_networks(run.directory):
        raise InputError(
            f"{run.directory} was converted without encoder, so it cannot take a style "
            "from an image: use --style random, or convert again with --encoder FILE"
        )
    if style == "reference" and labels:
        raise InputError(
            "--style reference needs the layouts' own images, which --labels has not; "
            "use --style random or --style IMAGE"
        )
    if style not in ("reference", "random") and not Path(style).is_file():
        raise InputError(
            f"--style {style}: neither reference, random nor an image file"
        )
    return style


class Styles:
    """Style codes of layouts.

    Args:
        model: the trained model.
        source: ``"reference"``, ``"random"``, a path, or ``"none"`` (no style code).
        count: codes per layout.
        seed: of the noise.
        run: for the image size.
    """

    def __init__(self, model, source: str, count: int, seed: int, run: Run):
        self.model = model
        self.source = source
        self.count = count
        self.seed = seed
        self._image = None
        if source not in ("reference", "random", "none"):
            self._image = _load_image(Path(source), run.config.data.image_size)

    def codes(self, index: int, references: list[dict]) -> list[tuple]:
        """Returns ``(z or None, caption)`` for the layout ``index``.

        Args:
            index: position of the layout, which with the seed decides the noise.
            references: examples whose images give the styles, the layout's own first.
        """
        if self.source == "none":
            return [(None, "generated")]
        return [self._code(index, k, references) for k in range(self.count)]

    def _code(self, index, k, references):
        rng = np.random.default_rng([self.seed, index, k])
        noise = rng.standard_normal((1, self.model.z_dim)).astype(np.float32)
        if self.source == "random":
            return noise, f"generated, random style {k + 1}"
        if self._image is not None:
            image, caption = self._image, f"generated, style image, draw {k + 1}"
        else:
            example = references[k % len(references)]
            image, caption = example["image"], f"generated, style of {key_of(example)}"
            if k == 0:
                caption = "generated, own style"
        mu, logvar = (np.asarray(x) for x in self.model.encode(image))
        return mu + noise * np.exp(logvar / 2), caption


def windows(items: Iterable, size: int) -> Iterator[list]:
    """Yields for each item a list of it and the next ones, starting over at the end.

    At most ``2 * size`` items are held at a time, so that splits may be large.

    Args:
        items: any number of them.
        size: the length of the lists, which are shorter if there are too few items.
    """
    first, window = [], []
    for item in items:
        if len(first) < size - 1:
            first.append(item)
        window.append(item)
        if len(window) == size:
            yield window
            window = window[1:]
    while window:
        yield window + first[: size - len(window)]
        window = window[1:]


def _load_image(path, size):
    pixels = read_style(path).pixels
    return normalize_image(tf.constant(resize_image(pixels, size)))[None]


def key_of(example: dict) -> str:
    """Returns the name of an example (a batch of one)."""
    return np.asarray(example["key"])[0].decode()
