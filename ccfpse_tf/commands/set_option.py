"""Options that are short for one of ``--set``."""

from ccfpse_tf.errors import InputError


def add_setting(arguments, option: str, key: str, value: object) -> None:
    """Adds an option's value to the texts of ``--set``.

    Args:
        arguments: with ``set``.
        option: such as ``"--batch"``.
        key: that it is short for.
        value: that was given.

    Raises:
        InputError: ``--set`` gives the key another value.
    """
    for text in arguments.set:
        name, _, other = (part.strip() for part in text.partition("="))
        if name == key and other != str(value):
            raise InputError(
                f"{option} {value} and --set {text} both give {key}; leave one of the "
                "two out"
            )
    arguments.set.append(f"{key}={value}")
