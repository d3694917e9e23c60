"""A model in this process, served like one on the disk."""

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from ccfpse_tf.serving import background
from ccfpse_tf.serving.loaded_versions import LoadedVersions
from ccfpse_tf.serving.served_model import ServedModel, SignatureSpec, Tensor
from ccfpse_tf.serving.trial import draw_in_style, try_out

_LOGGER = logging.getLogger(__name__)


class LiveModel(ServedModel):
    """A model that is served from memory; each signature is traced by its first call.

    A call that has begun is not stopped: one that takes too long is of no use to its
    client, but keeps the model busy to its end.

    Args:
        signatures: by name; each has ``inputs`` and ``outputs``, specs by name, and
            ``trace()``, which returns a concrete function of those inputs (an
            :class:`ccfpse_tf.export.signatures.Signature`).
        version: a number to show.
    """

    def __init__(self, signatures: Mapping, version: int = 1) -> None:
        specs = {name: _spec(name, signatures[name]) for name in sorted(signatures)}
        super().__init__(version, specs)
        self._given = dict(signatures)
        self._traced: dict = {}
        self._tracing = threading.Lock()

    def run(
        self, signature: str, inputs: Mapping[str, np.ndarray], timeout: float
    ) -> dict[str, np.ndarray]:
        """Calls a signature, see :meth:`ServedModel.run`."""
        end = time.monotonic() + timeout
        function = self._function(signature)
        found = function(**{name: tf.constant(value) for name, value in inputs.items()})
        outputs = {name: tensor.numpy() for name, tensor in found.items()}
        if time.monotonic() > end:
            message = f"not finished within {timeout:g} seconds"
            raise tf.errors.DeadlineExceededError(None, None, message)
        return outputs

    def _function(self, signature):
        # Those that have been traced are called meanwhile.
        if signature not in self._traced:
            with self._tracing:
                if signature not in self._traced:
                    self._traced[signature] = self._given[signature].trace()
        return self._traced[signature]

    def _free(self):
        self._given, self._traced = {}, {}


_in_background = functools.partial(background.start, name="styles")


def live_versions(
    name: str,
    signatures: Mapping,
    version: int = 1,
    later: Callable[[Callable[[], None]], None] = _in_background,
) -> LoadedVersions:
    """Returns a model in this process that has generated its first example.

    If it describes styles, it generates a picture in one of them afterwards, so that
    the first that is chosen need not wait for the tracing.

    Args:
        name: under which it is served.
        signatures: see :class:`LiveModel`.
        version: a number to show.
        later: calls a function in the background.

    Raises:
        InputError: it fails on its own example.
    """
    model = LiveModel(signatures, version)
    try_out(model, name)

    def prepare():
        try:
            with model.in_use():
                draw_in_style(model)
        except Exception:
            _LOGGER.exception("model %s fails on its own style", name)

    later(prepare)
    return LoadedVersions(name, models=[model])


def _spec(name, signature):
    """Inputs and outputs of a signature, with the names that a graph could give."""

    def tensors(specs):
        return {
            key: Tensor(
                f"{name}_{key}:0",
                np.dtype(spec.dtype.as_numpy_dtype),
                tuple(-1 if size is None else size for size in spec.shape),
            )
            for key, spec in sorted(specs.items())
        }

    return SignatureSpec(tensors(signature.inputs), tensors(signature.outputs))
