"""Checks of what generators are made for and called with."""

import numpy as np
import tensorflow as tf

from ccfpse_tf.ops.layout import Layout
from ccfpse_tf.ops.resizing import spatial_size


def check_depth(depth: int, depths: tuple[int, ...]) -> None:
    """Checks that a generator can double the resolution ``depth`` times.

    Raises:
        ValueError: none of ``depths``.
    """
    if depth not in depths:
        known = " or ".join(map(str, depths))
        raise ValueError(f"depth {depth}: the generator has {known} upsamplings")


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


def draws_size(generator, height: int, width: int) -> bool:
    """True if a generator of any method draws images of this size."""
    if not generator.any_size:
        return (height, width) == tuple(generator.image_size)
    least = getattr(generator, "least_edge", generator.stride)
    return all(
        edge >= least and edge % generator.stride == 0 for edge in (height, width)
    )


def check_maps(generator, label, instance=None, z=None) -> None:
    """Checks the shapes of what a generator of any method is to draw.

    Graphs that serve several sizes no longer know them, so this is done before.

    Args:
        generator: see :mod:`ccfpse_tf.gan.methods`.
        label: ``(batch, height, width)``; sizes that are not known are not checked.
        instance: of the same shape, or None.
        z: ``(batch, z_dim)``, or None.

    Raises:
        ValueError: a size that the generator cannot draw; maps or style codes of other
            shapes than those.
    """
    shape = _check_shape("the label maps", label, tf.TensorShape([None] * 3))
    if instance is not None:
        shape = shape.merge_with(_check_shape("the instance maps", instance, shape))
    if z is not None and generator.z_dim:
        codes = tf.TensorShape((shape[0], generator.z_dim))
        _check_shape("the style codes", z, codes)
    _, height, width = shape
    if None in (height, width) or draws_size(generator, height, width):
        return
    own = "{}x{}".format(*generator.image_size)
    least = getattr(generator, "least_edge", generator.stride)
    allowed = f"multiples of {generator.stride} from {least} on"
    if not generator.any_size:
        allowed = f"images of its own size only, {own}"
    raise ValueError(
        f"layout of {height}x{width} (height x width): this generator draws {allowed}"
    )


def _check_shape(name, values, expected):
    """The shape of an array, tensor or list, if it can be the expected one."""
    found = tf.TensorShape(np.shape(values))
    if not expected.is_compatible_with(found):
        raise ValueError(f"{name} have the shape {found}; expected {expected}")
    return expected.merge_with(found)
