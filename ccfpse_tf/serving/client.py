"""The client's side of the REST API, with the standard library only."""

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ccfpse_tf.errors import InputError

_TRIES = 6
_TIMEOUT = 300.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ServerGone(InputError):
    """The server does not answer, or is not the one that was expected."""


class ServerError(Exception):
    """An answer of the server that refuses one request.

    Args:
        code: HTTP status.
        message: of the server.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class Client:
    """A client of one model on a server, ours or TensorFlow Serving.

    Args:
        url: of the server, or of the model there (``.../v1/models/NAME``). Without
            the model, the server is asked for its name, which only ours answers.
        option: of the command line that gave the URL, for messages.

    Raises:
        InputError: no such server, or no model.
    """

    def __init__(self, url: str, option: str = "--server") -> None:
        self.url, self._asked = url, f"{option} {url}"
        try:
            parts = urlsplit(url)
            fits = parts.scheme in ("http", "https") and parts.hostname
        except ValueError:
            fits = False
        if not fits:
            raise InputError(
                f"{option} {url!r}: not an address; expected http://HOST:PORT, or with "
                "the model http://HOST:PORT/v1/models/NAME"
            )
        # A proxy from the environment cannot reach this machine's own addresses.
        own = [urllib.request.ProxyHandler({})] if parts.hostname in _LOOPBACK else []
        self._opener = urllib.request.build_opener(*own)
        base, found, name = url.rstrip("/").partition("/v1/models/")
        self.name = unquote(name) if found else self._ask_name(base)
        self._model = f"{base}/v1/models/{quote(self.name, safe='')}"

    def describe(self) -> dict[str, Any]:
        """Returns the model's description of itself.

        Raises:
            InputError: not one of our models, or not ready.
        """
        try:
            answer = self.predict("describe", [{"format": 1}])[0]
            return json.loads(base64.b64decode(answer["b64"]))
        except ServerError as error:
            raise InputError(
                f"{self._asked}: model {self.name} cannot be used: {error}; it "
                "must have been written by `export` and be loaded"
            ) from None
        except InputError:
            raise  # a ValueError, too, but it says enough
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise self._not_ours(error) from error

    def predict(self, signature: str, instances: list[Mapping]) -> list[Any]:
        """Asks for predictions in row format; waits while the server is busy.

        Raises:
            ServerError: the server refuses.
            InputError: no server, or not one that speaks this protocol.
        """
        body = {"signature_name": signature, "instances": instances}
        for attempt in range(_TRIES):
            try:
                answer = self._call(f"{self._model}:predict", body)
                return answer["predictions"]
            except ServerError as error:
                if error.code != 503 or attempt == _TRIES - 1:
                    raise
                time.sleep(2.0**attempt / 2)
            except (KeyError, TypeError) as error:
                raise self._not_ours(error) from error

    def _ask_name(self, base):
        try:
            return self._call(f"{base}/config.json")["model"]
        except ServerError:
            raise InputError(
                f"{self._asked}: it does not say which model it has; name it: "
                f"--server {base}/v1/models/NAME"
            ) from None
        except (KeyError, TypeError) as error:
            raise self._not_ours(error) from error

    def _call(self, url, body=None):
        content = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(
            url, content, {"Content-Type": "application/json"}
        )
        try:
            with self._opener.open(asked, timeout=_TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ServerError(error.code, _message(error)) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise ServerGone(
                f"{self._asked}: cannot be reached ({reason}); is "
                "`ccfpse serve` running there?"
            ) from None
        except (ValueError, RecursionError) as error:
            raise self._not_ours(error) from error

    def _not_ours(self, error):
        return ServerGone(
            f"{self._asked}: its answer is not of this protocol ({error!r}); "
            "is it another server?"
        )


def as_bytes(content: bytes) -> dict[str, str]:
    """Bytes as the protocol writes them."""
    return {"b64": base64.b64encode(content).decode()}


def read_bytes(path: Path) -> dict[str, str]:
    """A file's bytes as the protocol writes them."""
    return as_bytes(path.read_bytes())


def _message(error):
    try:
        content = error.read(1 << 16)
    except (OSError, http.client.HTTPException):
        content = b""
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return error.reason or content[:200].decode("utf-8", "replace")
