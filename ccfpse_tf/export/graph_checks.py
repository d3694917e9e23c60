"""Checks inside the exported graph, whose messages name the error and the way out.

All end in ``tf.errors.InvalidArgumentError`` for the request; the server lives on.
"""

from collections.abc import Callable

import tensorflow as tf

Message = Callable[[tf.Tensor], tf.Tensor]


def require(tensors: list[tf.Tensor], *checks: tuple[tf.Tensor, tf.Tensor]) -> list:
    """Returns the tensors, which exist once all checks have passed, in this order.

    Args:
        tensors: of any kind.
        *checks: each a boolean scalar and the message if it is false.
    """
    done = []
    for passed, message in checks:
        with tf.control_dependencies(done):
            done = [tf.debugging.Assert(passed, [message])]
    with tf.control_dependencies(done):
        return [tf.identity(tensor) for tensor in tensors]


def all_rows(passed: tf.Tensor, message: Message) -> tuple[tf.Tensor, tf.Tensor]:
    """A check for :func:`require` of every row of a batch that is not empty.

    Args:
        passed: boolean ``(batch,)``.
        message: about the first row that has not passed.
    """
    return tf.reduce_all(passed), message(tf.argmax(tf.cast(~passed, tf.int32)))


def require_rows(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the inputs, checked to have one row for each image, and one at least."""
    counts = [tf.shape(tensor)[0] for tensor in inputs.values()]
    names = " and ".join(inputs)
    same = tf.reduce_all(tf.equal(tf.stack(counts), counts[0]))
    each = f"{names} have different numbers of rows (" + ", ".join(["{}"] * len(counts))
    each += "); send one of each for every image"
    checked = require(
        list(inputs.values()),
        (counts[0] > 0, tf.constant(f"{next(iter(inputs))} is an empty batch")),
        (same, tf.strings.format(each, counts)),
    )
    return dict(zip(inputs, checked, strict=True))
