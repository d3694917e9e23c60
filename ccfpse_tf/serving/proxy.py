"""Puts the page and the limits in front of a real TensorFlow Serving."""

import asyncio
import contextlib
from urllib.parse import urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import Response

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.api_error import ApiError
from ccfpse_tf.serving.api_path import ApiPath
from ccfpse_tf.serving.body import read_body
from ccfpse_tf.serving.limits import Limits

# Only headers about the content are passed on, not those of one connection, nor
# cookies.
_TO_UPSTREAM = ("content-type", "accept", "authorization")
_TO_CLIENT = ("content-type", "retry-after")
_LONGEST_ANSWER = 1 << 28


class Upstream:
    """Answers the API by asking another server.

    Args:
        url: of that server, such as ``http://127.0.0.1:8501``; a path is kept.
        name: of the model that the page asks for.
        limits: of requests.
        transport: of httpx, for tests.

    Attributes:
        failure: None; whether the other server is there is told to each request.

    Raises:
        InputError: ``url`` is not the URL of a server.
    """

    failure = None

    def __init__(self, url: str, name: str, limits: Limits, transport=None) -> None:
        self.name = name
        self._url = checked_url(url)
        self._limits = limits
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=limits.timeout,
            trust_env=False,
            limits=httpx.Limits(max_connections=limits.requests),
        )

    async def answer(self, request: Request, path: ApiPath) -> Response:
        """Passes one request on.

        Raises:
            ApiError: 502 without a proper answer, 504 if it is late.
        """
        sent = request.scope["raw_path"].split(b"?")[0].decode("ascii")
        try:
            async with asyncio.timeout(self._limits.timeout):
                body = await read_body(request, self._limits.body_bytes)
                return await self._ask(request, f"{self._url}{sent}", body)
        except (TimeoutError, httpx.TimeoutException):
            seconds = f"{self._limits.timeout:g} seconds"
            raise ApiError(
                504, f"the upstream server {self._url} did not answer within {seconds}"
            ) from None
        except httpx.HTTPError as error:
            raise ApiError(
                502,
                f"the upstream server {self._url} cannot be asked "
                f"({type(error).__name__}: {error})",
            ) from None

    @contextlib.asynccontextmanager
    async def running(self):
        """Closes the connections at the end."""
        async with self._client:
            yield

    async def _ask(self, request, url, body):
        headers = _chosen(request.headers, _TO_UPSTREAM)
        asked = self._client.build_request(
            request.method, url, content=body or None, headers=headers
        )
        answer = await self._client.send(asked, stream=True)
        try:
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > _LONGEST_ANSWER:
                    raise ApiError(502, f"the answer of {self._url} does not end")
        finally:
            await answer.aclose()
        if answer.is_redirect:
            raise ApiError(502, f"the upstream server {self._url} redirects elsewhere")
        return Response(
            bytes(content), answer.status_code, _chosen(answer.headers, _TO_CLIENT)
        )


def checked_url(url: str) -> str:
    """Returns a server's URL without a slash at the end.

    Raises:
        InputError: not ``http(s)://HOST[:PORT][/PATH]``.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname
        fits = fits and not (parts.query or parts.fragment) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise InputError(
            f"--upstream {url!r}: not the address of a server; expected for example "
            "http://127.0.0.1:8501"
        )
    return url.rstrip("/")


def _chosen(headers, names):
    return {name: headers[name] for name in names if name in headers}
