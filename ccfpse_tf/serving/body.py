"""Receives request bodies within bounds."""

import asyncio
import contextlib
from collections.abc import Awaitable

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive

from ccfpse_tf.serving.api_error import ApiError

_DRAIN_SECONDS = 30.0
_DRAIN_PAUSE = 3.0
_DRAIN_BYTES = 1 << 28


async def read_body(request: Request, most: int) -> bytes:
    """Returns the body.

    Args:
        request: whose body has not been read.
        most: bytes; a longer body is refused without being kept.

    Raises:
        ApiError: 413 too long, 415 compressed, 400 with a wrong length.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise ApiError(
            415, f"Content-Encoding {encoding!r} is not accepted: send the body plain"
        )
    too_long = ApiError(
        413, f"the request's body is longer than the {most} bytes that are taken"
    )
    promised = request.headers.get("content-length", "0")
    if not (promised.isascii() and promised.isdigit()):
        raise ApiError(400, f"Content-Length {promised!r} is not a number")
    if len(promised) > 18 or int(promised) > most:
        raise too_long
    chunks, length = [], 0
    try:
        async for chunk in request.stream():
            length += len(chunk)
            if length > most:
                raise too_long
            chunks.append(chunk)
    except ClientDisconnect:
        raise ApiError(499, "the client has gone") from None
    return b"".join(chunks)


async def unless_gone(request: Request, work: Awaitable):
    """Awaits ``work``, but cancels it when the client closes the connection.

    Raises:
        ApiError: 499, then.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnect(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ApiError(499, "the client has gone")
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _disconnect(request):
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Incoming:
    """Receives a request's messages and notes whether its body is complete.

    Args:
        receive: of the ASGI server.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._begun = self._ended = False

    async def __call__(self) -> Message:
        """Returns the next message."""
        self._begun = True
        message = await self._receive()
        self._ended = self._ended or not message.get("more_body", False)
        return message

    async def drain(self, expects: bool) -> None:
        """Reads on for a while and drops the data, before an early answer.

        A connection that is closed on unread data is reset, and then the client may
        never see the answer.

        Args:
            expects: whether the client waits for a sign before it sends the body; then
                there is nothing to read.
        """
        if expects and not self._begun:
            return
        length = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not self._ended and length < _DRAIN_BYTES:
                    async with asyncio.timeout(_DRAIN_PAUSE):
                        length += len((await self()).get("body", b""))
