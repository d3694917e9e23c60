"""Receives request bodies within bounds."""

import asyncio
import contextlib

from starlette.requests import ClientDisconnect, Request

from ccfpse_tf.serving.refusal import Refusal

_DRAIN_SECONDS = 1.0
_DRAIN_FACTOR = 4


async def read_body(request: Request, most: int) -> bytes:
    """Returns the body.

    Args:
        request: whose body has not been read.
        most: bytes; a longer body is refused without being kept.

    Raises:
        Refusal: 413 too long, 415 compressed, 400 with a wrong length.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise Refusal(415, f"Content-Encoding {encoding!r} is not taken: send it plain")
    too_long = Refusal(
        413, f"the request's body is longer than the {most} bytes that are taken"
    )
    promised = request.headers.get("content-length", "0")
    if not (promised.isascii() and promised.isdigit()):
        raise Refusal(400, f"Content-Length {promised!r} is no number")
    chunks, length = [], 0
    stream = request.stream()
    if len(promised) > 18 or int(promised) > most:
        await _drain(stream, most)
        raise too_long
    try:
        async for chunk in stream:
            length += len(chunk)
            if length > most:
                chunks.clear()
                await _drain(stream, most)
                raise too_long
            chunks.append(chunk)
    except ClientDisconnect:
        raise Refusal(499, "the client has gone") from None
    return b"".join(chunks)


async def _drain(stream, most):
    # A connection that is closed on unread data is reset, and the client may never see
    # the answer. So a moment of reading, which keeps nothing.
    with contextlib.suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(_DRAIN_SECONDS):
            length = 0
            async for chunk in stream:
                length += len(chunk)
                if length > _DRAIN_FACTOR * most:
                    return
