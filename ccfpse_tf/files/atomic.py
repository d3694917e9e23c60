"""What has to be on the disk before it gets its name."""

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Sends a file, or a folder's list of names, to the disk.

    A rename can reach the disk before the data does, unless the data is there.

    Raises:
        OSError: as the system reports it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
