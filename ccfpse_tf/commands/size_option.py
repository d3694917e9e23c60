"""Image sizes on command lines, written ``HEIGHTxWIDTH``."""

import re

from ccfpse_tf.errors import InputError


def read_size(option: str, text: str, others: str = "") -> tuple[int, int]:
    """Returns ``(height, width)`` of a text such as ``256x512``.

    Args:
        option: where the text comes from, such as ``--size``, for the message.
        text: what was given.
        others: what else the option takes, such as ``", or any"``, for the message.

    Raises:
        InputError: another text, or an edge of 0 pixels.
    """
    match = re.fullmatch("(0*[1-9][0-9]*)x(0*[1-9][0-9]*)", text)
    if not match:
        raise InputError(
            f"{option} {text}: write HEIGHTxWIDTH, such as 256x512{others}"
        )
    return int(match[1]), int(match[2])
