"""The type of options that take an integer of 0 or more, such as seeds."""

import argparse


def natural(text: str) -> int:
    """Parses an integer of 0 or more, for `argparse`.

    Raises:
        argparse.ArgumentTypeError: any other text.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}; expected an integer of 0 or more")
    return int(text)
