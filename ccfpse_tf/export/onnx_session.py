"""ONNX Runtime: the networks of a preset, ready to run."""

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.presets.preset import Preset


def open_graph(preset: Preset, name: str, part: str):
    """Opens a graph of a preset with the weights of ``weights.npz``.

    Args:
        preset: that was read.
        name: of the graph's file.
        part: the network, ``"generator"`` or ``"encoder"``.

    Returns:
        An ``onnxruntime.InferenceSession``.

    Raises:
        InputError: no such graph, or one that the installed ONNX Runtime cannot use.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    # Threads that wait by counting would take the cores from the browser.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    weights = {
        key: onnxruntime.OrtValue.ortvalue_from_numpy(value.astype(np.float32))
        for key, value in preset.weights.items()
        if key.startswith(f"{part}/")
    }
    options.add_external_initializers(list(weights), list(weights.values()))
    try:
        return onnxruntime.InferenceSession(
            preset.graphs[name], options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # of many types, with no common one
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise InputError(
            f"{preset.source}/{name}: ONNX Runtime {onnxruntime.__version__} cannot "
            f"use it ({reason}): choose --engine tensorflow, or install another "
            "version of onnxruntime"
        ) from error
