"""Middleware for every request: origins, headers of answers, counting."""

import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ccfpse_tf.serving.body import Incoming
from ccfpse_tf.serving.labelling import PATH as PHOTOS
from ccfpse_tf.serving.metrics import Metrics

# The page shows images that it received as bytes, hence blob: for images.
POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_VERBS = ("predict", "metadata", "classify", "regress")


class OriginCheck:
    """ASGI middleware around the whole application.

    Any page in the user's browser can send requests to a loopback address, so those
    that name another origin are refused, and, where host names are given, those that
    came by another one (the owner of a name can point it at 127.0.0.1).

    Args:
        app: the application that answers.
        metrics: counts every request.
        hosts: host names under which requests are accepted; empty for any.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, hosts: Iterable[str] = ()):
        self._app = app
        self._metrics = metrics
        self._hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one connection event, see the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, code = time.perf_counter(), 500
        headers, incoming = Headers(scope=scope), Incoming(receive)

        async def send_guarded(message):
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                await incoming.drain("expect" in headers)
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(headers)
        try:
            await (refusal or self._app)(scope, incoming, send_guarded)
        finally:
            api = _api(scope["path"])
            self._metrics.requests.labels(api, code).inc()
            self._metrics.seconds.labels(api).observe(time.perf_counter() - start)

    def _refusal(self, headers):
        host = headers.get("host", "")
        if self._hosts and _name(host) not in self._hosts:
            message = (
                f"Host {host!r} is not one of {', '.join(sorted(self._hosts))}; "
                "--allow-host adds one"
            )
            return JSONResponse({"error": message}, 403)
        origin = headers.get("origin")
        if origin is not None and urlsplit_or_none(origin) != host.lower():
            message = f"Origin {origin!r} is not this server's: {host!r}"
            return JSONResponse({"error": message}, 403)
        return None


def urlsplit_or_none(origin: str) -> str | None:
    """Returns the host and port of an origin; None for one without a host."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _name(host):
    """A host name without its port; IPv6 addresses keep their brackets."""
    name = host.lower()
    return name if name.endswith("]") else name.rpartition(":")[0] or name


def _api(path):
    """A short list of names: labels of metrics must not grow with what clients send."""
    if path == PHOTOS:
        return "label"
    if not path.lower().startswith("/v1/"):
        return "page"
    verb = path.lower().rpartition(":")[2].rpartition("/")[2]
    return verb if verb in _VERBS else "status"
