"""The sizes of the images that an exported model generates."""

import dataclasses

import tensorflow as tf

from ccfpse_tf.errors import InputError

MOST_PIXELS = 2048 * 2048  # of one layout: 70 times that many bytes are not unusual


@dataclasses.dataclass(frozen=True)
class Sizes:
    """One size, or all multiples of a number.

    Attributes:
        fixed: ``(height, width)``, or None for any.
        multiple: the number that both edges must be multiples of.
        least: length of the shortest edge.
    """

    fixed: tuple[int, int] | None
    multiple: int
    least: int = 1

    def passed(self, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        """True where a size is allowed, elementwise for integer tensors."""
        if self.fixed:
            return (height == self.fixed[0]) & (width == self.fixed[1])
        whole = (height % self.multiple == 0) & (width % self.multiple == 0)
        # No edge alone is too long: else the product could wrap around.
        edges = (tf.minimum(height, width) >= self.least) & (
            tf.maximum(height, width) <= MOST_PIXELS
        )
        pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
        return whole & edges & (pixels <= MOST_PIXELS)

    @property
    def allowed(self) -> str:
        """The allowed sizes in words."""
        if self.fixed:
            return f"{self.fixed[0]}x{self.fixed[1]} only"
        start = f"from {self.least} " if self.least > self.multiple else ""
        return (
            f"multiples of {self.multiple} {start}up to {MOST_PIXELS} pixels, one size "
            "per request"
        )

    def shape(self) -> tuple[int | None, int | None]:
        """The part of a map's shape that is known when the graph is traced."""
        return self.fixed or (None, None)


def choose_sizes(generator, size: str | tuple[int, int] | None) -> Sizes:
    """Turns ``--size`` into sizes that a generator supports.

    Args:
        generator: a generator of any method (see :mod:`ccfpse_tf.gan.methods`).
        size: ``(height, width)``, ``"any"``, or None for the generator's own.

    Raises:
        InputError: another size than the own one from a generator with style code,
            which cannot make others; edges that are not multiples of the generator's
            stride.
    """
    multiple, own = generator.stride, tuple(generator.image_size)
    if size is None or size == own:
        return Sizes(own, multiple)
    if not generator.any_size:
        asked = size if isinstance(size, str) else f"{size[0]}x{size[1]}"
        raise InputError(
            f"--size {asked}: a model with style code makes {own[0]}x{own[1]} only, as "
            "it was trained; leave --size out, or train with generator.z_dim=0"
        )
    least = getattr(generator, "least_edge", 1)
    if size == "any":
        return Sizes(None, multiple, least)
    if size[0] % multiple or size[1] % multiple or min(size) < least:
        raise InputError(
            f"--size {size[0]}x{size[1]}: both edges must be multiples of {multiple}"
            + f" of {least} or more" * (least > multiple)
        )
    return Sizes(tuple(size), multiple)
