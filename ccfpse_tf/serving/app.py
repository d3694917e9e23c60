"""The ASGI application: REST API, metrics, and the painting page."""

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ccfpse_tf.serving.api_error import ApiError
from ccfpse_tf.serving.api_path import read_path
from ccfpse_tf.serving.labelling import PATH as PHOTOS
from ccfpse_tf.serving.labelling import Labelling
from ccfpse_tf.serving.limits import Limits
from ccfpse_tf.serving.metrics import CONTENT_TYPE, PATH, Metrics
from ccfpse_tf.serving.origin_check import OriginCheck
from ccfpse_tf.serving.request_limiter import RequestLimiter

PAGE = Path(__file__).parent / "page"


def make_app(
    backend,
    limits: Limits,
    metrics: Metrics,
    page: Path = PAGE,
    hosts: Iterable[str] = (),
    label: Callable[[bytes], bytes] | None = None,
    facts: Callable[[], dict] = dict,
) -> Callable:
    """Returns the ASGI application; ``.limiter.closing`` makes it refuse new work.

    Args:
        backend: a ``model_backend.ModelBackend``, ``offers.Offers`` or a
            ``proxy.Upstream``.
        limits: of requests.
        metrics: shown under TensorFlow Serving's path.
        page: folder of static files with ``index.html``.
        hosts: host names under which requests are accepted; empty for any.
        label: from a photo's file to its label map's, see ``labelling.Labelling``; the
            page offers it.
        facts: returns what ``config.json`` tells beside the first model's name.
    """
    limiter = RequestLimiter(limits.requests, metrics)

    async def api(request: Request) -> Response:
        # The path as it was sent: once decoded, %2F would look like a slash.
        sent = request.scope.get("raw_path") or request.url.path.encode()
        path = read_path(request.method, sent.split(b"?")[0].decode("latin-1"))
        if request.method != "POST":
            return await backend.answer(request, path)
        with limiter():
            return await backend.answer(request, path)

    async def config(request: Request) -> Response:
        offered = {"label_photos": True} if label else {}
        return JSONResponse({"model": backend.name, **offered, **facts()})

    async def label_photo(request: Request) -> Response:
        with limiter():
            return await labelling.answer(request)

    async def show_metrics(request: Request) -> Response:
        return PlainTextResponse(metrics.page(), headers={"Content-Type": CONTENT_TYPE})

    @contextlib.asynccontextmanager
    async def lifespan(app):
        async with backend.running():
            yield

    pages = []
    if label:
        labelling = Labelling(label, limits)
        pages.append(Route(PHOTOS, label_photo, methods=["POST"]))
    if page.is_dir():
        pages.append(Mount("/", StaticFiles(directory=page, html=True)))
    app = Starlette(
        routes=[
            Mount("/v1", _Raw(api)),
            Route("/config.json", config),
            Route(PATH, show_metrics),
            *pages,
        ],
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _http_error,
            Exception: _fault,
        },
        lifespan=lifespan,
    )
    checked = OriginCheck(app, metrics, hosts)
    checked.limiter = limiter
    return checked


class _Raw:
    """Accepts all methods and paths below a mount, unlike Starlette's routes."""

    def __init__(self, endpoint) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope, receive, send):
        response = await self._endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


async def _api_error(request, error):
    return JSONResponse({"error": error.message}, error.code, error.headers)


async def _http_error(request, error):
    message = f"{error.detail}: {request.method} {request.url.path}"
    return JSONResponse({"error": message}, error.status_code, error.headers)


async def _fault(request, error):
    # The traceback goes to the log, not to the client.
    return JSONResponse({"error": "internal error; see the server's log"}, 500)
