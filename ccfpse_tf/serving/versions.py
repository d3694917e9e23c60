"""The loaded versions of a model: the newest, and those that have a label."""

import base64
import contextlib
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.api_error import ApiError, bad_request
from ccfpse_tf.serving.model_version import ModelVersion

DESCRIBE_FORMAT = 1
_TRIAL_SECONDS = 300.0
_LOGGER = logging.getLogger(__name__)


class Versions:
    """The versions ``FOLDER/<number>/`` of a model.

    The newest one is served, and every labelled one. :meth:`refresh` checks for newer
    ones; the old one serves until the new one has generated its own example.

    Args:
        folder: of the model; its name is the model's.
        labels: version numbers by label.
        load: makes a version from its path and number.

    Raises:
        InputError: no version, or none that can be loaded.
    """

    def __init__(
        self,
        folder: Path,
        labels: Mapping[str, int] | None = None,
        load: Callable[[Path, int], ModelVersion] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.name = self.folder.resolve().name
        self.labels = dict(labels or {})
        self._load = load or load_and_try
        self._lock = threading.Lock()
        self._loaded: dict[int, ModelVersion] = {}
        self._states: dict[int, tuple[str, str]] = {}
        self._failed: dict[int, tuple] = {}
        self._check_folder()
        self.refresh()
        if not self._loaded:
            raise InputError("\n".join(text for _, text in self._states.values()))
        missing = set(self.labels.values()) - set(self._loaded)
        if missing:
            raise InputError(
                f"--label: {self.folder} has no version {min(missing)} that loads; "
                f"loaded: {', '.join(map(str, sorted(self._loaded)))}"
            )

    @contextlib.contextmanager
    def lease(
        self, version: int | None = None, label: str | None = None
    ) -> Iterator[ModelVersion]:
        """A loaded version, the newest by default, that stays loaded meanwhile.

        Raises:
            ApiError: 404 for versions that are not loaded, 400 for unknown labels.
        """
        version = self._number(version, label)
        with contextlib.ExitStack() as stack:
            with self._lock:
                number = max(self._loaded) if version is None else version
                if number not in self._loaded:
                    wanted = f"Specific({self.name}, {number})"
                    raise ApiError(404, f"Servable not found for request: {wanted}")
                model = self._loaded[number]
                stack.enter_context(model.in_use())
            yield model

    def status(self, version: int | None = None, label: str | None = None) -> dict:
        """Returns the answer to ``GET /v1/models/NAME``; the newest version first.

        Raises:
            ApiError: 404 for versions never seen, 400 for unknown labels.
        """
        version = self._number(version, label)
        with self._lock:
            states = dict(self._states)
        if version is not None and version not in states:
            raise ApiError(
                404, f"Could not find version {version} of model {self.name}"
            )
        chosen = sorted(states, reverse=True) if version is None else [version]
        return {"model_version_status": [_as_json(one, *states[one]) for one in chosen]}

    def loaded(self) -> list[int]:
        """The numbers of the loaded versions."""
        with self._lock:
            return sorted(self._loaded)

    def refresh(self) -> None:
        """Loads new versions to serve, then frees those that are not served any more.

        A version that cannot be loaded is reported once, in the log and in the status,
        and tried again after its files have changed.
        """
        there = _numbered(self.folder)
        for version in sorted(set(self.labels.values()) & set(there)):
            self._try(version, there[version])
        # The newest that works: an older one only if no newer one can be loaded.
        for version in sorted(there, reverse=True):
            if self._try(version, there[version]):
                wanted = {version, *self.labels.values()}
                break
        else:
            return  # no better one on the disk: the loaded ones stay
        for version in set(self.loaded()) - wanted:
            self._let_go(version)

    def close(self) -> None:
        """Frees all versions."""
        for version in self.loaded():
            self._let_go(version)

    def _number(self, version, label):
        if label is None:
            return version
        if label not in self.labels:
            raise bad_request(f"Unrecognized servable version label: {label}")
        return self.labels[label]

    def _try(self, version, path):
        if version in self._loaded:
            return True
        files = _fingerprint(path)
        if self._failed.get(version) == files:
            return False
        self._set_state(version, "LOADING")
        try:
            model = self._load(path, version)
        except InputError as error:
            self._failed[version] = files
            self._set_state(version, "END", str(error))
            _LOGGER.error("version %s is not served: %s", version, error)
            return False
        with self._lock:
            self._failed.pop(version, None)
            self._loaded[version] = model
            self._states[version] = ("AVAILABLE", "")
        return True

    def _let_go(self, version):
        with self._lock:
            model = self._loaded.pop(version)
            self._states[version] = ("END", "")
        model.retire()

    def _set_state(self, version, state, message=""):
        with self._lock:
            self._states[version] = (state, message)

    def _check_folder(self):
        if not self.folder.is_dir():
            raise InputError(f"{self.folder}: no such folder; export a model first")
        if not _numbered(self.folder):
            inside = (self.folder / "saved_model.pb").is_file()
            advice = (
                f"this is one version of a model: name {self.folder.parent}"
                if inside
                else "expected DIR/1/saved_model.pb, as `export` writes it"
            )
            raise InputError(f"{self.folder}: does not hold a version; {advice}")


def load_and_try(path: Path, version: int) -> ModelVersion:
    """Loads a version and generates its first example, if it describes one.

    The first call of a graph is the slow one, and a version that cannot generate its
    own example is broken even if it loads.

    Raises:
        InputError: a version that cannot be loaded, or fails on its example.
    """
    model = ModelVersion(path, version)
    try:
        description = describe(model)
        for example in (description or {}).get("examples", [])[:1]:
            _draw(model, example)
    except (tf.errors.OpError, ValueError, KeyError, TypeError) as error:
        model.retire()
        raise InputError(f"{path}: fails on its own example ({error})") from error
    return model


def describe(model: ModelVersion) -> dict | None:
    """Returns a model's description of itself; None without such a signature."""
    if "describe" not in model.signatures:
        return None
    asked = {"format": np.array([DESCRIBE_FORMAT], np.int64)}
    found = model.run("describe", asked, _TRIAL_SECONDS)
    return json.loads(found["description_bytes"][0])


def _draw(model, example):
    values = {"seed": np.zeros(1, np.int64)}
    for name in ("label_bytes", "instance_bytes"):
        values[name] = np.array([base64.b64decode(example.get(name) or "")], object)
    wanted = model.signatures["serving_default"].inputs
    model.run(
        "serving_default", {name: values[name] for name in wanted}, _TRIAL_SECONDS
    )


def _numbered(folder):
    """Folders that are named by a number, as TensorFlow Serving takes them."""
    found = {}
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.isascii() and path.name.isdigit() and path.is_dir():
                found[int(path.name)] = path
    return found


def _fingerprint(path):
    found = []
    for file in sorted(path.rglob("*")):
        with contextlib.suppress(OSError):
            status = file.stat()
            found.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(found)


def _as_json(version, state, message):
    code = "UNKNOWN" if message else "OK"
    return {
        "version": str(version),
        "state": state,
        "status": {"error_code": code, "error_message": message},
    }
