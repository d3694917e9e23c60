"""The models that a server offers; each is loaded when it is first asked for.

Nothing here imports TensorFlow, so that the page is there before that is.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ccfpse_tf.serving import background
from ccfpse_tf.serving.api_error import ApiError
from ccfpse_tf.serving.api_path import ApiPath
from ccfpse_tf.serving.limits import Limits
from ccfpse_tf.serving.metrics import Metrics
from ccfpse_tf.serving.model_status import status_of, unknown_model
from ccfpse_tf.serving.offer import Offer

_RETRY = 30.0  # seconds before a model that failed is tried again
_LOGGER = logging.getLogger(__name__)


class Offers:
    """Answers the API from several models, of which the first is loaded at once.

    Args:
        offers: of different names, one at least.
        limits: of requests; those for a model that is being loaded wait for it.
        metrics: to count in.
        poll: seconds between checks for new versions; 0 for none.

    Attributes:
        name: of the first model.
        failure: why the only model cannot be loaded; None where it can, or where there
            are others.
    """

    def __init__(
        self, offers: Sequence[Offer], limits: Limits, metrics: Metrics, poll=0.0
    ) -> None:
        self.name = offers[0].name
        self.failure: Exception | None = None
        self._models = {offer.name: _Model(offer) for offer in offers}
        self._limits = limits
        self._metrics = metrics
        self._poll = poll
        self._turn = asyncio.Lock()  # to load takes all cores
        self._running = contextlib.AsyncExitStack()

    def facts(self) -> dict:
        """Returns what the page has to know of the models beside their names."""
        models = self._models.values()
        doing = {model.name: model.doing for model in models if model.doing}
        return ({"models": list(self._models)} if len(models) > 1 else {}) | (
            {"starting": doing} if doing else {}
        )

    async def answer(self, request: Request, path: ApiPath) -> Response:
        """Answers one request of the API.

        Raises:
            ApiError: with the message for the client.
        """
        model = self._models.get(path.name)
        if model is None:
            raise unknown_model(path)
        latest = path.version is None and path.label is None
        if path.verb == "status" and latest and not model.backend:
            return JSONResponse(model.status())
        return await (await self._loaded(model)).answer(request, path)

    @contextlib.asynccontextmanager
    async def running(self):
        """Loads the first model meanwhile; frees all at the end."""
        async with self._running:
            self._begin(self._models[self.name])
            try:
                yield
            finally:
                for model in self._models.values():
                    if model.loading:
                        model.loading.cancel()

    def _begin(self, model):
        now = asyncio.get_running_loop().time()
        if not model.loading or (model.failure and now > model.failed_at + _RETRY):
            model.failure, model.doing = None, "waiting for its turn"
            model.loading = asyncio.create_task(self._load(model))

    async def _loaded(self, model):
        """Returns the backend of a model, waited for."""
        self._begin(model)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.timeout):
                await asyncio.shield(model.loading)
        if model.backend:
            return model.backend
        if model.failure:
            raise ApiError(404, f"model {model.name} is not served: {model.failure}")
        raise ApiError(
            503,
            f"model {model.name} is still being loaded ({model.doing}): try later",
            {"Retry-After": "1"},
        )

    async def _load(self, model):
        async with self._turn:
            try:
                backend = await _in_thread(self._make_backend, model)
                await self._running.enter_async_context(backend.running())
                model.backend = backend
            except Exception as error:
                model.failure = error
                model.failed_at = asyncio.get_running_loop().time()
                if len(self._models) == 1:
                    self.failure = error  # the server ends, and tells it
                else:
                    _LOGGER.exception("model %s is not served", model.name)
            finally:
                model.doing = ""

    def _make_backend(self, model):
        versions = model.offer.load(model.tell)
        from ccfpse_tf.serving.model_backend import ModelBackend

        return ModelBackend(versions, self._limits, self._metrics, self._poll)


class _Model:
    """An offer and what has become of it."""

    def __init__(self, offer):
        self.offer = offer
        self.name = offer.name
        self.backend = None
        self.loading: asyncio.Task | None = None
        self.doing = ""
        self.failure: Exception | None = None
        self.failed_at = 0.0

    def tell(self, text):
        if not self.backend:  # newer versions come quietly
            self.doing = text

    def status(self):
        """The answer to ``GET /v1/models/NAME`` before it is loaded."""
        state = "LOADING" if self.doing else "END" if self.failure else "START"
        message = str(self.failure or "")
        return status_of({self.offer.version: (state, message)})


async def _in_thread(function, *arguments):
    """Calls a function in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def settle(result, error):
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    def work():
        try:
            outcome = function(*arguments), None
        except Exception as error:
            outcome = None, error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, *outcome)

    background.start(work, "load")
    return await done
