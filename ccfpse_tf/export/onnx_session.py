"""ONNX Runtime: the networks of a preset, ready to run."""

from collections.abc import Mapping

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.presets.preset import Preset


class Graph:
    """A network in an ``onnxruntime.InferenceSession``.

    Attributes:
        description: the model's description as JSON, None if the graph has none.
    """

    def __init__(self, session):
        self._session = session
        self._running = None
        facts = session.get_modelmeta().custom_metadata_map
        self.description = facts.get("description")

    def run(self, output: str, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns an output; raises an error of ONNX Runtime's if it is stopped."""
        import onnxruntime

        self._running = options = onnxruntime.RunOptions()
        try:
            return self._session.run([output], inputs, options)[0]
        finally:
            self._running = None

    def stop(self) -> None:
        """Ends the run under way, from another thread, after its current operation."""
        running = self._running
        if running is not None:
            running.terminate = True


def open_graph(preset: Preset, name: str, part: str) -> Graph:
    """Opens a graph of a preset with the weights of ``weights.npz``.

    Args:
        preset: that was read.
        name: of the graph's file.
        part: the network, ``"generator"`` or ``"encoder"``.

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
        session = onnxruntime.InferenceSession(
            preset.graphs[name], options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # of many types, with no common one
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise InputError(
            f"{preset.source}/{name}: ONNX Runtime {onnxruntime.__version__} cannot "
            f"use it ({reason}): choose --engine tensorflow, or install another "
            "version of onnxruntime"
        ) from error
    return Graph(session)
