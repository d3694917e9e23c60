"""The README of an exported version: its facts, and how to send it requests."""

from pathlib import Path

from ccfpse_tf.runtime.templates import render

TEMPLATE = Path(__file__).parent / "templates" / "README.md"


def readme(name: str, version: str, description: dict, facts: dict) -> str:
    """Returns the README's text.

    Args:
        name: of the model.
        version: its number.
        description: the answer of ``describe``.
        facts: the content of ``assets.extra/export.json``.
    """
    return render(
        TEMPLATE, name=name, version=version, description=description, facts=facts
    )
