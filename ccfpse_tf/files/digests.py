"""SHA-256 of text, of bytes and of files, in hexadecimal."""

import hashlib
from pathlib import Path

_BLOCK = 1 << 20


def sha256(content: str | bytes) -> str:
    """Returns the digest of bytes, or of a text in UTF-8."""
    if isinstance(content, str):
        content = content.encode()
    return hashlib.sha256(content).hexdigest()


def sha256_of_files(*paths: Path) -> str:
    """Returns the digest of what files hold, one after the other.

    Raises:
        OSError: a file that cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
