"""What the API needs of a model, wherever it comes from."""

import contextlib
import dataclasses
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np

_METHOD = "tensorflow/serving/predict"
_DTYPES = {"object": "DT_STRING", "float32": "DT_FLOAT"}  # others by their own names


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
        signatures: inputs and outputs of each signature.
        signature_json: the signatures as the API shows them; default made of
            ``signatures``.
    """

    def __init__(
        self,
        version: int,
        signatures: Mapping[str, SignatureSpec],
        signature_json: Mapping | None = None,
    ) -> None:
        self.version = version
        self.signatures = signatures
        self.signature_json = signature_json or {
            name: _definition(one) for name, one in signatures.items()
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
            ApiError, tf.errors.OpError: a wrong request, or it took too long.
        """

    def stop(self) -> None:  # noqa: B027, not every engine can be stopped
        """Ends the call under way, whose outputs nobody wants, if the engine can.

        The call then fails. It may be called from any thread.
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


def _definition(signature):
    """A ``SignatureDef`` message as JSON has it."""
    return {
        "inputs": {key: _info(one) for key, one in signature.inputs.items()},
        "outputs": {key: _info(one) for key, one in signature.outputs.items()},
        "method_name": _METHOD,
        "defaults": {},
    }


def _info(tensor):
    dtype = _DTYPES.get(tensor.dtype.name, f"DT_{tensor.dtype.name.upper()}")
    sizes = [{"size": str(size), "name": ""} for size in tensor.shape]
    shape = {"dim": sizes, "unknown_rank": False}
    return {"dtype": dtype, "tensor_shape": shape, "name": tensor.key}
