"""A model made of functions on arrays, whatever computes them."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.api_error import ApiError, bad_request
from ccfpse_tf.serving.loaded_versions import LoadedVersions
from ccfpse_tf.serving.served_model import ServedModel, SignatureSpec, Tensor
from ccfpse_tf.serving.trial import try_out

Signature = tuple[Callable[..., Mapping], Mapping, Mapping]


class FunctionModel(ServedModel):
    """A model whose signatures are functions on NumPy arrays.

    Args:
        signatures: by name: a function of arrays by name that returns arrays by name,
            or raises InputError; then ``(dtype, shape)`` by name of its inputs and of
            its outputs, -1 for sizes that are not fixed, ``object`` for bytes.
        stop: makes a function that runs raise, see :meth:`ServedModel.stop`; None if
            nothing can.
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        stop: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            1,
            {
                name: SignatureSpec(_tensors(name, inputs), _tensors(name, outputs))
                for name, (_, inputs, outputs) in sorted(signatures.items())
            },
        )
        self._functions = {name: one[0] for name, one in signatures.items()}
        self._stop = stop

    def run(
        self, signature: str, inputs: Mapping[str, np.ndarray], timeout: float
    ) -> dict[str, np.ndarray]:
        """Calls a function, see :meth:`ServedModel.run`."""
        end = time.monotonic() + timeout
        try:
            outputs = self._functions[signature](**inputs)
        except InputError as error:
            raise bad_request(str(error)) from None
        if time.monotonic() > end:
            raise ApiError(504, f"not finished within {timeout:g} seconds")
        return dict(outputs)

    def stop(self) -> None:
        """Makes the function that runs raise, see :meth:`ServedModel.stop`."""
        if self._stop:
            self._stop()

    def _free(self):
        self._functions = {}


def function_versions(
    name: str,
    signatures: Mapping[str, Signature],
    stop: Callable[[], None] | None = None,
) -> LoadedVersions:
    """Returns a model that has generated its first example.

    Args:
        name: under which it is served.
        signatures, stop: see :class:`FunctionModel`.

    Raises:
        InputError: it fails on its own example.
    """
    model = FunctionModel(signatures, stop)
    try_out(model, name)
    return LoadedVersions(name, models=[model])


def _tensors(signature, specs):
    return {
        key: Tensor(f"{signature}_{key}:0", np.dtype(dtype), shape)
        for key, (dtype, shape) in sorted(specs.items())
    }
