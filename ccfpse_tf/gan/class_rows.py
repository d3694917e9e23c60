"""Moves the rows of classes in a generator's weights to those of other classes.

Which axes hold classes is found by building the generator for one class more: those
that grow. By the package's convention (:class:`ccfpse_tf.ops.layout.Layout`) the
semantic channels come first on them, and context after.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ccfpse_tf.gan.preset_weights import named_variables
from ccfpse_tf.layers.spectral_convolution import SpectralConv2D

_PREFIX = "generator/"
ITERATIONS = 10  # of the power method, after rows have come or gone


def moved_weights(
    generator, build: Callable, sources: Sequence[int | None], weights: Mapping
) -> dict[str, np.ndarray]:
    """Returns the weights of a preset that classes are part of, for other classes.

    New classes get the generator's own, initial rows. What is not trained stays as it
    is in the generator: these are spectral vectors, see :func:`settle`.

    Args:
        generator: for the new classes, with its initial weights.
        build: makes the same generator for another number of semantic channels.
        sources: for each of its semantic channels the preset's channel, or None.
        weights: the preset's.

    Raises:
        ValueError: a generator in which classes change more than one axis of a
            variable, or not evenly.
    """
    channels = len(sources)
    wider = build(channels + 1)
    wider.build()
    names = named_variables(generator)
    moved = {}
    for (name, variable), other in zip(names.items(), wider.weights, strict=True):
        axis = _grown(name, variable.shape, other.shape)
        old = weights.get(_PREFIX + name)
        if axis is None or old is None or old.ndim != len(variable.shape):
            continue  # a shape that does not fit is told by `load_weights`
        fresh = np.asarray(variable)
        if variable.trainable:
            step = other.shape[axis] - variable.shape[axis]
            fresh = _moved(old, fresh, axis, step, sources)
        moved[_PREFIX + name] = fresh
    return moved


def settle(generator, moved: Mapping) -> None:
    """Finds the spectral vectors of kernels whose rows have changed.

    Args:
        generator: the kernels' network.
        moved: from :func:`moved_weights`.
    """
    names = named_variables(generator).items()
    changed = {id(variable) for name, variable in names if _PREFIX + name in moved}
    for layer in generator._flatten_layers():
        if isinstance(layer, SpectralConv2D) and id(layer.kernel) in changed:
            for _ in range(ITERATIONS):
                layer.normalized_kernel(training=True)


def _grown(name, shape, wider) -> int | None:
    axes = [
        axis
        for axis, (length, longer) in enumerate(zip(shape, wider, strict=True))
        if length != longer
    ]
    if len(axes) > 1:
        raise ValueError(f"{name}: classes change {len(axes)} axes, {shape} to {wider}")
    return axes[0] if axes else None


def _moved(old, fresh, axis, step, sources):
    """One variable; ``step`` is how much its axis grows by a class."""
    channels = len(sources)
    context, rest = divmod(fresh.shape[axis], step)
    context -= channels
    if rest or context < 0:
        raise ValueError(f"an axis of {fresh.shape[axis]} for {channels} channels")
    # Where it grows by several, such as the taps of a flattened kernel, these come
    # first and the channels last, as in all kernels of Keras.
    rows = _rows(fresh, axis, step).copy()
    before = _rows(np.asarray(old, fresh.dtype), axis, step)
    for channel, source in enumerate(sources):
        if source is not None:
            rows[:, channel] = before[:, source]
    if context:
        rows[:, channels:] = before[:, -context:]
    shape = np.moveaxis(fresh, axis, 0).shape
    return np.moveaxis(rows.reshape(shape), 0, axis)


def _rows(values, axis, step):
    first = np.moveaxis(values, axis, 0)
    return first.reshape(step, first.shape[0] // step, *first.shape[1:])
