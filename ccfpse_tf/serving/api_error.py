"""Answers that are not 200: an HTTP code and a JSON object with the key ``error``."""

import re
import sys

# The codes of TensorFlow's errors on HTTP, as TensorFlow Serving maps them.
_HTTP = {
    1: 499,  # cancelled
    3: 400,  # invalid argument
    4: 504,  # deadline exceeded
    5: 404,  # not found
    6: 409,  # already exists
    7: 403,  # permission denied
    8: 429,  # resource exhausted
    9: 400,  # failed precondition
    10: 409,  # aborted
    11: 400,  # out of range
    12: 501,  # unimplemented
    14: 503,  # unavailable
    16: 401,  # unauthenticated
}
_SHOWN = 200  # characters of a value that a message quotes
_FIRST_OF_SEVERAL = re.compile(r"\d+ root error\(s\) found\.\s*\(0\) [\w ]+: ")
# What a function called from Python adds to the message of its graph.
_PLACES = re.compile(
    r"\{\{function_node [^}]*\}\} "
    r"|Detected at node [^\n]* defined at \(most recent call last\):\n"
    r"(?:<stack traces unavailable>\n|  File [^\n]*\n|    [^\n]*\n|\n)*"
)


class ApiError(Exception):
    """The answer to a request that cannot be fulfilled.

    Args:
        code: HTTP status.
        message: the text under ``error`` for the client.
        headers: to add to the answer.
    """

    def __init__(self, code: int, message: str, headers: dict | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.headers = headers or {}


def bad_request(message: str) -> ApiError:
    """Returns the error for a wrong request: 400."""
    return ApiError(400, message)


def from_tensorflow(error: Exception) -> ApiError | None:
    """Turns a ``tf.errors.OpError`` into TensorFlow Serving's answer; else None.

    The place in the graph is left out, as it does not help a client. TensorFlow is not
    imported for this: where another engine draws, there are no such errors.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or not isinstance(error, tensorflow.errors.OpError):
        return None
    message = _PLACES.sub("", str(error.message))
    message = _FIRST_OF_SEVERAL.sub("", message, count=1)
    message = message.split("\n\t [[")[0].split("\n\nOriginal stack trace")[0]
    return ApiError(_HTTP.get(error.error_code, 500), message.strip())


def shown(text: str) -> str:
    """A value for a message, cut where it is long."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} long)"
