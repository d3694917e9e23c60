"""Converts torchvision's VGG19 to a file that is read without PyTorch."""

from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.arrays import write_arrays
from ccfpse_tf.files.output_folder import refuse_existing
from ccfpse_tf.files.pytorch import read_tensors
from ccfpse_tf.models.perceptual.vgg19 import torchvision_shapes


def convert_vgg(source: Path, out: Path) -> tuple[str, ...]:
    """Writes the layers that the loss needs as ``.npz``, under torchvision's names.

    Args:
        source: ``vgg19-dcbb9e9d.pth``.
        out: a new ``.npz``, written whole or not at all.

    Returns:
        The names that were left out: deeper layers and the classifier.

    Raises:
        InputError: another file, another ending of ``out``, a file that is there.
    """
    source, out = Path(source), Path(out)
    if out.suffix != ".npz":
        raise InputError(f"--out {out}: the weights are written as .npz; name it so")
    refuse_existing(out, "--out")
    state = read_tensors(source)
    shapes = torchvision_shapes()
    problems = [
        f"{name}: "
        + (f"shape {state[name].shape}" if name in state else "missing")
        + f", expected {shape}"
        for name, shape in shapes.items()
        if name not in state or state[name].shape != shape
    ]
    problems += [
        f"{name}: not finite"
        for name in shapes
        if name in state and not np.isfinite(state[name]).all()
    ]
    if problems:
        raise InputError(
            f"{source}: is not torchvision's VGG19 (without batch norm):\n  "
            + "\n  ".join(problems)
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(out, {name: state[name] for name in shapes})
    return tuple(name for name in state if name not in shapes)
