"""DeepLab with 8-bit weights, published for Coral's chips, which LiteRT runs in tiles.

A MobilenetEdgeTPU-slim with DeepLab's head. The classes are those of the data set that
it was trained on, in the order of its training ids; its last operation is the argmax.
"""

import os
import threading
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.pretrained import PretrainedFile

TILE = 513
"""Height and width of the images that the network takes."""

FILE = PretrainedFile(
    title="Coral's DeepLab (coral-deeplab:FILE)",
    name="deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite",
    sha256="322fe29945cb1693f426952f2a330ab67ea5678545ddee6f2548e0cfd0ca03e5",
    licence="Apache-2.0",
    url="https://raw.githubusercontent.com/google-coral/test_data/"
    "104342d2d3480b3e66203073dac24f4e2dbb4c41/"
    "deeplab_mobilenet_edgetpu_slim_cityscapes_quant.tflite",
)
"""The network; the variant whose name ends in ``_edgetpu`` needs the chip."""


def find_file(path: Path | None = None) -> Path:
    """Returns the path of the network's file.

    Args:
        path: of the file, or of its folder; None downloads it once.

    Raises:
        InputError: a file that is missing, damaged or another one.
    """
    return FILE.find(path)


class CoralDeepLab:
    """Segments images of any size from ``TILE`` x ``TILE`` on, tile by tile.

    Args:
        path: of the file, or of its folder; None downloads it once.

    Attributes:
        path: of the file in use.

    Raises:
        InputError: a file that is missing, damaged or another one.
    """

    def __init__(self, path: Path | None = None):
        # Before anything opens it: the runtimes crash on damaged files.
        self.path = find_file(path)
        self._runtime, self._interpreter = _open(self.path)
        self._input, self._output = _places(self._interpreter, self.path)
        self._lock = threading.Lock()

    def describe(self) -> dict:
        """What runs the network, as JSON; its last bits depend on it."""
        return {"runtime": self._runtime, "kernels": _kernels(self._interpreter)}

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Returns the classes ``(h, w)``, int32, of 8-bit RGB ``(h, w, 3)``."""
        found = np.empty(image.shape[:2], np.int32)
        for (y, top, bottom), (x, left, right) in tiles(*image.shape[:2]):
            tile = self._run(image[y : y + TILE, x : x + TILE])
            found[top:bottom, left:right] = tile[
                top - y : bottom - y, left - x : right - x
            ]
        return found

    def _run(self, tile):
        with self._lock:  # an interpreter is one place of work
            self._interpreter.set_tensor(self._input, tile[None])
            self._interpreter.invoke()
            return self._interpreter.get_tensor(self._output)[0]


Span = tuple[int, int, int]


def tiles(height: int, width: int) -> Iterator[tuple[Span, Span]]:
    """Yields the tiles that cover an image: a span of rows and one of columns each.

    A span is ``(start, first, end)``: the tile begins at ``start``, and what it says of
    pixels from ``first`` up to, not including, ``end`` counts. See :func:`spans`.
    """
    for rows in spans(height):
        for columns in spans(width):
            yield rows, columns


def spans(length: int) -> list[Span]:
    """Returns as few tiles as cover a side, spread evenly.

    Where two overlap, each counts up to the middle of the overlap.

    Raises:
        ValueError: a side that is shorter than a tile.
    """
    if length < TILE:
        raise ValueError(f"{length} pixels; tiles have {TILE}")
    count = -(-length // TILE)
    step = (length - TILE) / max(count - 1, 1)
    starts = [round(i * step) for i in range(count)]
    cuts = [(before + TILE + after) // 2 for before, after in pairwise(starts)]
    return list(zip(starts, [0, *cuts], [*cuts, length], strict=True))


def _open(path):
    """Returns the runtime's name and version, and an interpreter."""
    try:
        from ai_edge_litert.interpreter import Interpreter

        runtime = f"ai-edge-litert {version('ai-edge-litert')}"
    except ImportError:
        import tensorflow as tf

        Interpreter, runtime = tf.lite.Interpreter, f"tensorflow {tf.__version__}"
    try:
        with warnings.catch_warnings(action="ignore"):  # TensorFlow's is deprecated
            found = Interpreter(str(path), num_threads=os.cpu_count())
        found.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path}: {runtime} cannot read it: {error}") from error
    return runtime, found


def _places(interpreter, path):
    """Returns the indices of the input and the output, whose kinds are checked."""
    found = interpreter.get_input_details(), interpreter.get_output_details()
    kinds = [
        [(tuple(map(int, x["shape"])), np.dtype(x["dtype"]).name) for x in details]
        for details in found
    ]
    wanted = [[((1, TILE, TILE, 3), "uint8")], [((1, TILE, TILE), "int64")]]
    if kinds != wanted:
        raise InputError(
            f"{path}: has inputs {kinds[0]} and outputs {kinds[1]}; expected are "
            f"{wanted[0]} and {wanted[1]}: {FILE.ways()}"
        )
    return found[0][0]["index"], found[1][0]["index"]


def _kernels(interpreter):
    # The interpreters tell nowhere else whether a delegate has taken operations over.
    operations = getattr(interpreter, "_get_ops_details", list)()
    if not operations:
        return "unknown"
    delegated = any(operation["op_name"] == "DELEGATE" for operation in operations)
    return "XNNPACK" if delegated else "TensorFlow Lite's own"
