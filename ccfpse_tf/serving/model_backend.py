"""Answers the API from a model on this machine."""

import asyncio
import contextlib
import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ccfpse_tf.serving.api_error import bad_request
from ccfpse_tf.serving.api_path import ApiPath
from ccfpse_tf.serving.batching import Batcher
from ccfpse_tf.serving.limits import Limits
from ccfpse_tf.serving.loaded_versions import LoadedVersions
from ccfpse_tf.serving.metrics import Metrics
from ccfpse_tf.serving.model_status import unknown_model
from ccfpse_tf.serving.predict import predict

_LOGGER = logging.getLogger(__name__)


class ModelBackend:
    """Answers the API from a model on this machine.

    Args:
        versions: loaded.
        limits: of requests.
        metrics: to count in.
        poll: seconds between checks for new versions; 0 for none.
    """

    def __init__(
        self, versions: LoadedVersions, limits: Limits, metrics: Metrics, poll=0.0
    ):
        self.name = versions.name
        self._versions = versions
        self._limits = limits
        self._metrics = metrics
        self._poll = poll
        self._batcher = Batcher(limits, metrics)
        metrics.version.set(max(versions.loaded()))

    async def answer(self, request: Request, path: ApiPath) -> Response:
        """Answers one request of the API.

        Raises:
            ApiError: with the message for the client.
        """
        if path.name != self.name:
            raise unknown_model(path)
        if path.verb == "predict":
            return await predict(
                request, path, self._versions, self._batcher, self._limits
            )
        if path.verb == "status":
            return JSONResponse(self._versions.status(path.version, path.label))
        if path.verb == "metadata":
            with self._versions.lease(path.version, path.label) as model:
                return JSONResponse(_metadata(self.name, model))
        raise bad_request(
            f"Expected signature method_name to be tensorflow/serving/{path.verb}; "
            "the models served here predict only"
        )

    @contextlib.asynccontextmanager
    async def running(self):
        """Checks for new versions meanwhile; frees everything at the end."""
        polling = asyncio.create_task(self._watch()) if self._poll else None
        try:
            yield
        finally:
            if polling:
                polling.cancel()
                await asyncio.gather(polling, return_exceptions=True)
            await self._batcher.close()
            self._versions.close()

    async def _watch(self):
        while True:
            await asyncio.sleep(self._poll)
            try:
                await run_in_threadpool(self._versions.refresh)
                self._metrics.version.set(max(self._versions.loaded()))
            except Exception:
                # An error here must not end the checks, nor the service.
                _LOGGER.exception("looking for new versions failed")


def _metadata(name, model):
    return {
        "model_spec": {
            "name": name,
            "signature_name": "",
            "version": str(model.version),
        },
        "metadata": {"signature_def": {"signature_def": model.signature_json}},
    }
