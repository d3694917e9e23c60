"""The paths of TensorFlow Serving's REST API."""

import dataclasses
import re
from urllib.parse import unquote

from ccfpse_tf.serving.api_error import bad_request

_PLACE = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_CALL = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_PLACE}:(?P<verb>predict|classify|regress)"
)
_READ = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_PLACE}(?:/(?P<verb>metadata))?")
_LARGEST = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class ApiPath:
    """The parts of a path of the API.

    Attributes:
        name: of the model.
        version: a number or None.
        label: of a version, or None.
        verb: ``predict``, ``classify``, ``regress``, ``metadata`` or ``status``.
    """

    name: str
    version: int | None
    label: str | None
    verb: str


def read_path(method: str, path: str) -> ApiPath:
    """Reads a path as it was sent, before percent signs are decoded.

    Raises:
        ApiError: 400, as TensorFlow Serving answers.
    """
    pattern = {"POST": _CALL, "GET": _READ, "HEAD": _READ}.get(method)
    match = pattern.fullmatch(path) if pattern else None
    if not match:
        raise bad_request(f"Malformed request: {method} {path}")
    if not match["name"]:
        raise bad_request("Missing model name in request.")
    version = match["version"]
    if version is not None and int(version[:20]) > _LARGEST:
        raise bad_request(f"Failed to convert version: {version[:40]} to numeric.")
    label = match["label"]
    return ApiPath(
        unquote(match["name"]),
        None if version is None else int(version),
        None if label is None else unquote(label),
        (match["verb"] or "status").lower(),
    )
