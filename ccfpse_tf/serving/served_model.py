"""What the API needs of a model, wherever it comes from."""

import contextlib
import dataclasses
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

_INTERNAL = "__saved_model_init_op"  # shown, as TensorFlow Serving does, but not called


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output of a signature.

    Attributes:
        key: the tensor's name in the graph.
        dtype: of arrays that hold it; ``object`` for strings.
        shape: -1 for sizes that are not fixed, None for any rank.
    """

    key: str
    dtype: np.dtype
    shape: tuple[int, ...] | None


@dataclasses.dataclass(frozen=True)
class SignatureSpec:
    """Inputs and outputs by name."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]

    @property
    def batches(self) -> bool:
        """True if rows of several requests may be put into one call."""
        tensors = [*self.inputs.values(), *self.outputs.values()]
        return all(tensor.shape and tensor.shape[0] == -1 for tensor in tensors)


class ServedModel(ABC):
    """A version of a model that can be called; thread-safe.

    Args:
        version: its number.
        definitions: ``SignatureDef`` messages by name.

    Attributes:
        signatures: inputs and outputs of each signature.
        signature_json: the messages as the API shows them.
    """

    def __init__(self, version: int, definitions: Mapping) -> None:
        self.version = version
        self.signatures: Mapping[str, SignatureSpec] = {
            name: SignatureSpec(_tensors(one.inputs), _tensors(one.outputs))
            for name, one in definitions.items()
            if name != _INTERNAL
        }
        self.signature_json = {
            name: json_format.MessageToDict(
                one,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
            )
            for name, one in definitions.items()
        }
        self._users = 0
        self._retired = False
        self._lock = threading.Lock()
        self.closed = False

    @abstractmethod
    def run(
        self, signature: str, inputs: Mapping[str, np.ndarray], timeout: float
    ) -> dict[str, np.ndarray]:
        """Calls a signature.

        Args:
            signature: its name.
            inputs: one array per input.
            timeout: seconds after which the outputs are of no use any more.

        Raises:
            tf.errors.OpError: an error of the graph itself, or that it took too long.
        """

    @abstractmethod
    def _free(self) -> None:
        """Frees what the model holds."""

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps the model open while it is needed."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                self._close_if_done()

    def retire(self) -> None:
        """Frees the model as soon as it is not used any more."""
        with self._lock:
            self._retired = True
            self._close_if_done()

    def _close_if_done(self):
        if self._retired and not self._users and not self.closed:
            self._free()
            self.closed = True


def _tensors(infos):
    found = {}
    for name, info in sorted(infos.items()):
        shape = info.tensor_shape
        sizes = None if shape.unknown_rank else tuple(dim.size for dim in shape.dim)
        dtype = np.dtype(tf.dtypes.as_dtype(info.dtype).as_numpy_dtype)
        found[name] = Tensor(info.name, dtype, sizes)
    return found
