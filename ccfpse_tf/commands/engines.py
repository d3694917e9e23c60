"""What draws the models of `ccfpse paint` and `ccfpse serve`: the option --engine."""

import importlib.util
from importlib.metadata import version

from ccfpse_tf.errors import InputError

ENGINES = ("auto", "tensorflow", "onnx")


def engine_of_preset(wanted: str, preset) -> tuple[str, str]:
    """Chooses what draws a preset.

    Args:
        wanted: one of ``ENGINES``.
        preset: a :class:`ccfpse_tf.presets.preset.Preset` that was read.

    Returns:
        ``"tensorflow"`` or ``"onnx"``, and a sentence about it.

    Raises:
        InputError: ``wanted`` cannot be had.
    """
    from ccfpse_tf.presets.preset_files import GRAPH

    if wanted == "tensorflow":
        return "tensorflow", f"{preset.name} is drawn by TensorFlow, as --engine says"
    lacking = ""
    if GRAPH not in preset.graphs:
        lacking = f"the preset has no {GRAPH} (`recipes/*.py preset --onnx` writes it)"
    elif importlib.util.find_spec("onnxruntime") is None:
        lacking = "onnxruntime is not installed (pip install 'ccfpse-tf[serving]')"
    if not lacking:
        name = f"ONNX Runtime {version('onnxruntime')}"
        return "onnx", f"{preset.name} is drawn by {name}, which starts at once"
    if wanted == "onnx":
        raise InputError(
            f"--engine onnx: {preset.source}: {lacking}; or choose --engine tensorflow"
        )
    return "tensorflow", f"{preset.name} is drawn by TensorFlow, as {lacking}"


def check_engine_of_export(wanted: str, folder) -> None:
    """Refuses ONNX Runtime for an exported model.

    Raises:
        InputError: with the way out.
    """
    if wanted == "onnx":
        raise InputError(
            f"--engine onnx: {folder} is an exported SavedModel, which TensorFlow "
            "alone can run: leave out --engine, or name a preset"
        )
