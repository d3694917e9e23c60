"""Checks of what generators are made for and called with."""

from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.resizing import spatial_size


def check_size(size: tuple, depth: int) -> None:
    """Checks that an image can be halved ``depth`` times.

    Args:
        size: ``(height, width)``; edges that are not known yet are not checked.
        depth: of the generator.

    Raises:
        ValueError: a size that is not a multiple of ``2**depth``.
    """
    stride = 2**depth
    if all(isinstance(edge, int) for edge in size) and any(n % stride for n in size):
        raise ValueError(
            f"image size {size[0]}x{size[1]} (height x width): depth {depth} needs "
            f"multiples of {stride}; choose such a size or another depth"
        )


def check_inputs(generator, semantics, z) -> None:
    """Checks the size of a layout, and that a style code is given where one is needed.

    Raises:
        ValueError: a size that the generator cannot make; a missing or unexpected code.
    """
    label = semantics.label if isinstance(semantics, Layout) else semantics
    check_size(spatial_size(label), generator.depth)
    check_style(generator, z)


def check_style(generator, z) -> None:
    """Checks that a style code is given where one is needed, and only there.

    Raises:
        ValueError: a missing or unexpected code.
    """
    if bool(generator.z_dim) != (z is not None):
        raise ValueError(
            f"this generator {'needs a' if generator.z_dim else 'has no'} style code, "
            f"and {'none was' if z is None else 'one was'} given"
        )
