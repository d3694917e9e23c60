"""The loaded versions of a model, and what the API tells about them."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping

from ccfpse_tf.serving.api_error import ApiError, bad_request
from ccfpse_tf.serving.model_status import status_of
from ccfpse_tf.serving.served_model import ServedModel


class LoadedVersions:
    """Versions of a model, of which the newest is served, and every labelled one.

    Args:
        name: of the model.
        labels: version numbers by label.
        models: the versions that are there from the start.
    """

    def __init__(
        self,
        name: str,
        labels: Mapping[str, int] | None = None,
        models: Iterable[ServedModel] = (),
    ) -> None:
        self.name = name
        self.labels = dict(labels or {})
        self._lock = threading.Lock()
        self._loaded: dict[int, ServedModel] = {}
        self._states: dict[int, tuple[str, str]] = {}
        for model in models:
            self._add(model)

    @contextlib.contextmanager
    def lease(
        self, version: int | None = None, label: str | None = None
    ) -> Iterator[ServedModel]:
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
        return status_of({number: states[number] for number in chosen})

    def loaded(self) -> list[int]:
        """The numbers of the loaded versions."""
        with self._lock:
            return sorted(self._loaded)

    def refresh(self) -> None:
        """Looks for newer versions, where there can be any."""

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

    def _add(self, model):
        with self._lock:
            self._loaded[model.version] = model
            self._states[model.version] = ("AVAILABLE", "")

    def _let_go(self, version):
        with self._lock:
            model = self._loaded.pop(version)
            self._states[version] = ("END", "")
        model.retire()

    def _set_state(self, version, state, message=""):
        with self._lock:
            self._states[version] = (state, message)
