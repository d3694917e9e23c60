"""Finds weights of other people: given by path, in an installed package, downloaded.

They are never part of this package. Every file has one SHA-256, however it came.
"""

import dataclasses
import importlib.metadata
import importlib.util
import os
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256_of_files

_CACHE = "ccfpse_tf"  # below Keras's folder


@dataclasses.dataclass(frozen=True)
class PretrainedFile:
    """A file of weights, and the ways to get it.

    Attributes:
        title: of the network, for messages.
        name: of the file.
        sha256: that it must have.
        licence: of the file, as its publisher states it.
        url: that it is downloaded from; None if it is only in a package.
        package: requirement for pip with its version, such as ``"name==0.1.0"``.
        module: importable name of that package, which is never imported.
        folder: of the file inside of the package.
    """

    title: str
    name: str
    sha256: str
    licence: str
    url: str | None = None
    package: str | None = None
    module: str | None = None
    folder: str = ""

    def find(self, path: str | Path | None = None) -> Path:
        """Returns the path of the file, its digest checked.

        Args:
            path: the file, or a folder that it is in. None looks into the installed
                package, or else downloads into Keras's cache, where there is an
                address.

        Raises:
            InputError: naming every way to get the file; or a file with another digest.
        """
        if path is not None:
            found = self._at(Path(path))
        else:
            found = self._in_package() or self._downloaded()
        self._check(found)
        return found

    def is_here(self) -> bool:
        """Returns True where :meth:`find` needs neither a path nor a download."""
        try:
            return (
                self._in_package() is not None
                or keras_cache(_CACHE, self.name).is_file()
            )
        except InputError:
            return False

    def ways(self) -> str:
        """Returns how to get the file, as the end of a sentence."""
        ways = []
        if self.package:
            ways.append(f"pip install {self.package}")
        if self.url:
            ways.append(f"fetch {self.url} on any machine")
        return f"{', or '.join(ways)}, or give the path of {self.name}"

    def _at(self, path):
        found = path / self.name if path.is_dir() else path
        if not found.is_file():
            raise InputError(
                f"{found}: no such file; it should hold {self.title}: {self.ways()}"
            )
        return found

    def _in_package(self):
        if self.module is None:
            return None
        spec = importlib.util.find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            return None
        found = Path(spec.submodule_search_locations[0]) / self.folder / self.name
        if found.is_file():
            return found
        name = self.package.partition("==")[0]
        raise InputError(
            f"the installed package {name} {_version(name)} has no {self.folder}/"
            f"{self.name}: pip install {self.package}"
        )

    def _downloaded(self):
        if self.url is None:
            raise InputError(f"{self.title} is not installed: {self.ways()}")
        import keras

        try:
            return Path(
                keras.utils.get_file(
                    self.name,
                    self.url,
                    cache_subdir=_CACHE,
                    file_hash=self.sha256,
                    hash_algorithm="sha256",
                )
            )
        except Exception as error:  # of urllib, of sockets, of the disk
            # Keras leaves a file of another digest where it was to be.
            keras_cache(_CACHE, self.name).unlink(missing_ok=True)
            raise InputError(
                f"{self.title} cannot be downloaded ({error}): {self.ways()}"
            ) from error

    def _check(self, path):
        found = sha256_of_files(path)
        if found != self.sha256:
            raise InputError(
                f"{path}: its SHA-256 is {found}, not {self.sha256}: it is damaged, or "
                f"another file than that of {self.title}; {self.ways()}"
            )


def keras_cache(folder: str, name: str) -> Path:
    """Returns where ``keras.utils.get_file`` keeps a file of this name."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(home).expanduser() / folder / name


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(of an unknown version)"
