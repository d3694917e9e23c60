"""The versions of a model on the disk: the newest, and those that have a label."""

import contextlib
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.loaded_versions import LoadedVersions
from ccfpse_tf.serving.model_folder import check_folder, numbered
from ccfpse_tf.serving.model_version import ModelVersion
from ccfpse_tf.serving.trial import try_out

_LOGGER = logging.getLogger(__name__)


class Versions(LoadedVersions):
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
        super().__init__(self.folder.resolve().name, labels)
        self._load = load or load_and_try
        self._failed: dict[int, tuple] = {}
        check_folder(self.folder)
        self.refresh()
        if not self._loaded:
            raise InputError("\n".join(text for _, text in self._states.values()))
        missing = set(self.labels.values()) - set(self._loaded)
        if missing:
            raise InputError(
                f"--label: {self.folder} has no version {min(missing)} that loads; "
                f"loaded: {', '.join(map(str, sorted(self._loaded)))}"
            )

    def refresh(self) -> None:
        """Loads new versions to serve, then frees those that are not served any more.

        A version that cannot be loaded is reported once, in the log and in the status,
        and tried again after its files have changed.
        """
        there = numbered(self.folder)
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
        self._failed.pop(version, None)
        self._add(model)
        return True


def load_and_try(path: Path, version: int) -> ModelVersion:
    """Loads a version and generates its first example, if it describes one.

    Raises:
        InputError: a version that cannot be loaded, or fails on its example.
    """
    model = ModelVersion(path, version)
    try_out(model, str(path))
    return model


def _fingerprint(path):
    found = []
    for file in sorted(path.rglob("*")):
        with contextlib.suppress(OSError):
            status = file.stat()
            found.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(found)
