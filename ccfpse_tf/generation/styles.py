"""Style codes: of real images, of one image, from the prior, or of a preset."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.image_files import read_style
from ccfpse_tf.data.transforms import normalize_image, resize_image
from ccfpse_tf.errors import InputError
from ccfpse_tf.gan.methods import method_of

PRESET = "preset"  # the word for the styles that a preset stores


def resolve_style(source, style: str | None, count: int, photos: bool) -> str:
    """Returns where styles come from, for :class:`Styles`, with the default filled in.

    Args:
        source: what generates, of :mod:`ccfpse_tf.generation.sources`.
        style: what the user asked for, or None.
        count: images per layout.
        photos: True if layouts come with photographs, as those of records do.

    Raises:
        InputError: styles that this source, or these layouts, cannot give.
    """
    if not has_style(source):
        if style or count > 1:
            reason = "was trained without style code (generator.z_dim is 0)"
            if source.config.generator.z_dim:
                title = method_of(source.config).title
                reason = f"was trained by {title}, which has no style code"
            raise InputError(
                f"{source.name} {reason}, so it has one image per layout: leave out "
                "--style and --styles"
            )
        return "none"
    own = PRESET if source.styles else "random"
    if style is None:
        style = "reference" if photos else own
    if style == PRESET:
        _check_stored(source, count)
        return style
    if style != "random" and not source.has_encoder:
        raise InputError(
            f"{source.name} was converted without encoder, so it cannot take a style "
            "from an image: use --style random, or convert again with --encoder FILE"
        )
    if style == "reference" and not photos:
        raise InputError(
            "--style reference needs the layouts' own images, which only --records "
            f"without --labels has; use --style {own} or --style IMAGE"
        )
    if style not in ("reference", "random") and not Path(style).is_file():
        raise InputError(
            f"--style {style}: neither reference, random nor an image file"
            + f"; {PRESET} takes those that are stored" * bool(source.styles)
        )
    return style


def has_style(source) -> bool:
    """True if images of this source have styles."""
    return method_of(source.config).z_dim(source.config) > 0


def _check_stored(source, count):
    if not source.styles:
        raise InputError(
            f"--style {PRESET}: {source.name} stores no styles; use --style random"
        )
    if count > len(source.styles):
        raise InputError(
            f"--styles {count}: the preset {source.name} stores {len(source.styles)}; "
            "ask for fewer, or for others by --style random"
        )


class Styles:
    """Style codes of layouts.

    Args:
        model: the trained model.
        style: ``"reference"``, ``"random"``, ``"preset"``, a path, or ``"none"`` (no
            style code).
        count: codes per layout.
        seed: of the noise.
        source: what generates: for the size of images, and the styles that it stores.
    """

    def __init__(self, model, style: str, count: int, seed: int, source):
        self.model = model
        self.style = style
        self.count = count
        self.seed = seed
        self.stored = source.styles
        self._image = None
        if style not in ("reference", "random", PRESET, "none"):
            self._image = _load_image(Path(style), source.config.data.image_size)

    def codes(self, index: int, references: list[dict]) -> list[tuple]:
        """Returns ``(z or None, caption)`` for the layout ``index``.

        Args:
            index: position of the layout, which with the seed decides the noise.
            references: examples whose images give the styles, the layout's own first.
        """
        if self.style == "none":
            return [(None, "generated")]
        return [self._code(index, k, references) for k in range(self.count)]

    def _code(self, index, k, references):
        if self.style == PRESET:
            return self.stored[k].code[None], f"generated, style {k + 1} of the preset"
        rng = np.random.default_rng([self.seed, index, k])
        noise = rng.standard_normal((1, self.model.z_dim)).astype(np.float32)
        if self.style == "random":
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
