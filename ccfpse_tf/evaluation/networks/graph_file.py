"""Finds the 2015 Inception graph: a file, a folder, the publisher's archive."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import keras

from ccfpse_tf.errors import InputError
from ccfpse_tf.files import digests

URL = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
ARCHIVE = "inception-2015-12-05.tgz"
GRAPH = "classify_image_graph_def.pb"
LARGEST = 1 << 30  # bytes; the graph has about a tenth


@dataclass(frozen=True)
class GraphFile:
    """A serialised GraphDef, where it came from, and its SHA-256."""

    content: bytes
    path: str
    sha256: str


def read_graph(path: str | Path | None, sha256: str | None = None) -> GraphFile:
    """Reads the graph; nothing is ever unpacked onto the disk.

    Args:
        path: ``classify_image_graph_def.pb``, the ``.tgz`` that it is published in, or
            a folder with either; None downloads the latter by Keras's ``get_file``.
        sha256: of the ``.pb``, however it came; None accepts any. The publisher's
            address is plain http and states no digest: compare it with a copy that you
            trust.

    Raises:
        InputError: for a file that cannot be found or read, or has another digest.
    """
    path = find_graph(_download() if path is None else path)
    try:
        archive = tarfile.is_tarfile(path)
        content = _from_archive(path) if archive else path.read_bytes()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise InputError(
            f"{path} cannot be read ({error}); delete it, then {_way_out()}"
        ) from error
    found = digests.sha256(content)
    if sha256 is not None and found != sha256.strip().lower():
        raise InputError(
            f"{path}: the graph's SHA-256 is {found}, not {sha256}; it is damaged or "
            "another one"
        )
    return GraphFile(content, str(path), found)


def find_graph(path: str | Path) -> Path:
    """Returns the path of the graph, or of the archive that it is in.

    Args:
        path: of a file, or of a folder with one.

    Raises:
        InputError: it is not there.
    """
    path = Path(path)
    if path.is_dir():
        return _inside(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; {_way_out()}")
    return path


def _download():
    try:
        return Path(keras.utils.get_file(ARCHIVE, URL))
    except Exception as error:  # of urllib, of sockets or of the disk
        raise InputError(
            f"the Inception network of FID cannot be downloaded ({error}); {_way_out()}"
        ) from error


def _inside(folder):
    for name in (GRAPH, ARCHIVE):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder} holds neither {GRAPH} nor {ARCHIVE}; {_way_out()}")


def _from_archive(path):
    with tarfile.open(path) as archive:
        for member in archive:
            # By its last name alone and as a plain file, without following links or
            # paths.
            if member.isfile() and Path(member.name).name == GRAPH:
                if member.size > LARGEST:
                    raise InputError(f"{path}: its {GRAPH} claims {member.size} bytes")
                return archive.extractfile(member).read()
    raise InputError(f"{path} does not hold {GRAPH}; {_way_out()}")


def _way_out():
    return f"fetch {URL} on any machine and give the path of that file"
