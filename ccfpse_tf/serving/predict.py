"""One prediction, from its body to its answer."""

import asyncio
import contextlib
import json

from starlette.requests import Request
from starlette.responses import Response

from ccfpse_tf.serving.api_error import ApiError, bad_request, from_tensorflow
from ccfpse_tf.serving.api_path import ApiPath
from ccfpse_tf.serving.batching import Batcher
from ccfpse_tf.serving.body import read_body, unless_gone
from ccfpse_tf.serving.image_size import check_pixels
from ccfpse_tf.serving.limits import Limits
from ccfpse_tf.serving.loaded_versions import LoadedVersions
from ccfpse_tf.serving.predict_format import answer, read_request


async def predict(
    request: Request,
    path: ApiPath,
    versions: LoadedVersions,
    batcher: Batcher,
    limits: Limits,
) -> Response:
    """Answers a predict request.

    Raises:
        ApiError: with the message for the client.
    """
    stage = "received"
    try:
        async with asyncio.timeout(limits.timeout) as clock:
            with contextlib.ExitStack() as held:
                with batcher.arriving():
                    body = await read_body(request, limits.body_bytes)
                    model = held.enter_context(versions.lease(path.version, path.label))
                    asked = await batcher.convert(
                        len(body), _read, body, model.signatures, limits
                    )
                    del body
                    stage = "answered"
                    left = clock.when() - asyncio.get_running_loop().time()
                    done = held.enter_context(batcher.joined(model, asked, left))
                outputs = await unless_gone(request, done)
            content = await batcher.convert(
                _size(outputs), _write, outputs, asked.by_row
            )
    except TimeoutError:
        code = 504 if stage == "answered" else 408
        raise ApiError(code, f"not {stage} within {limits.timeout:g} seconds") from None
    except Exception as error:
        refusal = from_tensorflow(error)
        if refusal is None:
            raise
        raise refusal from None
    return Response(content, media_type="application/json")


def _read(body, signatures, limits):
    asked = read_request(body, signatures)
    rows = max(
        (array.shape[0] for array in asked.inputs.values() if array.ndim), default=1
    )
    if not 1 <= rows <= limits.rows:
        raise bad_request(
            f"{rows} rows; this server takes 1 to {limits.rows} in one request"
        )
    check_pixels(asked.inputs, limits.pixels)
    return asked


def _write(outputs, by_row):
    return json.dumps(answer(outputs, by_row)).encode()


def _size(outputs):
    """Returns about how long the answer will be, in bytes."""
    total = 0
    for array in outputs.values():
        if array.dtype == object:
            total += sum(map(len, array.reshape(-1)))
        else:
            total += array.size * 8  # digits and a comma
    return total
