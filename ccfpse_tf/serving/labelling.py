"""Answers ``POST /label``: a photo in, its label map for the painting page out."""

import asyncio
import base64
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.api_error import ApiError, bad_request
from ccfpse_tf.serving.body import read_body, unless_gone
from ccfpse_tf.serving.image_size import size_of
from ccfpse_tf.serving.limits import Limits

PATH = "/label"


class Labelling:
    """Labels photos, one at a time.

    Args:
        label: from a photo's file to the label map's PNG; raises ``InputError`` for
            photos that it cannot read. It is called in a thread.
        limits: of requests.
    """

    def __init__(self, label: Callable[[bytes], bytes], limits: Limits) -> None:
        self._label = label
        self._limits = limits
        self._turn = asyncio.Lock()  # a network uses all cores

    async def answer(self, request: Request) -> Response:
        """Answers a request whose body is a PNG or JPEG file.

        Raises:
            ApiError: with the message for the client.
        """
        stage = "received"
        try:
            async with asyncio.timeout(self._limits.timeout):
                photo = await read_body(request, self._limits.body_bytes)
                _check(photo, self._limits.pixels)
                stage = "answered"
                png = await unless_gone(request, self._in_turn(photo))
        except TimeoutError:
            code = 504 if stage == "answered" else 408
            message = f"not {stage} within {self._limits.timeout:g} seconds"
            raise ApiError(code, message) from None
        return JSONResponse({"label_bytes": {"b64": base64.b64encode(png).decode()}})

    async def _in_turn(self, photo):
        async with self._turn:
            try:
                return await run_in_threadpool(self._label, photo)
            except InputError as error:
                raise bad_request(str(error)) from None


def _check(photo, most):
    size = size_of(photo)
    if size is None:
        raise bad_request(
            f"the body, which begins with {photo[:12]!r}, is not a photo: send the "
            "bytes of a PNG or JPEG file"
        )
    pixels = size[0] * size[1]
    if pixels > most:
        raise bad_request(
            f"the photo has {pixels} pixels, this server takes {most} in one request: "
            "send a smaller one"
        )
