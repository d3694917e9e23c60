"""One version of a SavedModel, loaded the way TensorFlow Serving's C++ loader does."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.served_model import ServedModel, SignatureSpec, Tensor

_FILE = "saved_model.pb"
_INTERNAL = "__saved_model_init_op"  # shown, as TensorFlow Serving does, but not called


class ModelVersion(ServedModel):
    """A loaded version of a SavedModel.

    Args:
        path: the folder with ``saved_model.pb``.
        version: its number.

    Raises:
        InputError: a folder that cannot be loaded.
    """

    def __init__(self, path: Path, version: int) -> None:
        self.path = path
        definitions = read_signatures(path)
        signatures = {
            name: SignatureSpec(_tensors(one.inputs), _tensors(one.outputs))
            for name, one in definitions.items()
            if name != _INTERNAL
        }
        shown = {
            name: json_format.MessageToDict(
                one,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, one in definitions.items()
        }
        super().__init__(version, signatures, shown)
        self._session = _load(path)

    def run(
        self, signature: str, inputs: Mapping[str, np.ndarray], timeout: float
    ) -> dict[str, np.ndarray]:
        """Calls a signature; the graph is stopped between two operations if it is late.

        See :meth:`ServedModel.run`.
        """
        wanted = self.signatures[signature]
        feeds = {wanted.inputs[name].key: array for name, array in inputs.items()}
        fetches = {name: tensor.key for name, tensor in wanted.outputs.items()}
        options = tf.compat.v1.RunOptions(timeout_in_ms=max(1, int(timeout * 1000)))
        found = self._session.run(fetches, feeds, options=options)
        return {name: _array(value) for name, value in found.items()}

    def _free(self):
        self._session.close()
        self._session = None


def read_signatures(path: Path) -> dict:
    """Returns the ``SignatureDef`` messages of a SavedModel, by name, sorted.

    Raises:
        InputError: not a SavedModel, or one without the tag ``serve``.
    """
    try:
        content = (path / _FILE).read_bytes()
        message = saved_model_pb2.SavedModel.FromString(content)
    except FileNotFoundError:
        raise InputError(f"{path}: no {_FILE} in there") from None
    except DecodeError:
        raise InputError(f"{path / _FILE}: damaged; export it again") from None
    for graph in message.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return dict(sorted(graph.signature_def.items()))
    raise InputError(f"{path / _FILE}: does not hold a graph with the tag 'serve'")


def _tensors(infos):
    found = {}
    for name, info in sorted(infos.items()):
        shape = info.tensor_shape
        sizes = None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)
        dtype = np.dtype(tf.dtypes.as_dtype(info.dtype).as_numpy_dtype)
        found[name] = Tensor(info.name, dtype, sizes)
    return found


def _load(path):
    graph = tf.Graph()
    config = tf.compat.v1.ConfigProto()
    config.gpu_options.allow_growth = True
    session = tf.compat.v1.Session(graph=graph, config=config)
    logger = tf.get_logger()
    level = logger.level
    # TensorFlow calls its only loader for sessions deprecated.
    logger.setLevel("ERROR")
    try:
        with graph.as_default():
            tf.compat.v1.saved_model.load(session, ["serve"], str(path))
    except (tf.errors.OpError, OSError, ValueError, RuntimeError, KeyError) as error:
        session.close()
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise InputError(f"{path}: cannot be loaded ({reason})") from error
    finally:
        logger.setLevel(level)
    return session


def _array(value):
    # A string scalar comes as bytes, everything else as an array already.
    return np.array(value, object) if isinstance(value, bytes) else np.asarray(value)
