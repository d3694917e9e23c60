"""The options of an export, checked without TensorFlow."""

import re
from pathlib import Path

from ccfpse_tf.errors import InputError

PRECISIONS = ("float32", "bfloat16", "int8-weights")
SAY_WHERE = "name the model's folder, such as MODELS/ccfpse; versions are made in it"


def require_layouts_alone(model) -> None:
    """Refuses models that need more than a layout to draw.

    Args:
        model: a :class:`ccfpse_tf.gan.synthesizer.Synthesizer`.

    Raises:
        InputError: one whose layouts are filled from a memory bank.
    """
    if hasattr(model, "fill_layouts_with"):
        raise InputError(
            "the layouts of SIMS are filled from a memory bank, which exported models "
            "and presets cannot hold; draw by `generate --run DIR`, or serve and paint "
            "with the run itself, by `ccfpse serve DIR`, where the bank is"
        )


def check_name(base: Path) -> None:
    """Refuses names that servers would take for something else.

    Raises:
        InputError: a number, which is a version, or characters that URLs quote.
    """
    name = base.name
    if re.fullmatch("[0-9]+", name):
        raise InputError(f"--out {base}: {name} looks like a version; {SAY_WHERE}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise InputError(
            f"--out {base}: a model's name has letters, digits, '_', '-' and '.' only; "
            f"{SAY_WHERE}"
        )
