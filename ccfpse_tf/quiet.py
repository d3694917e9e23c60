"""Imports TensorFlow without its start-up notices, which drown our own lines.

TensorFlow 2.21 prints them before it reads ``TF_CPP_MIN_LOG_LEVEL``: they can only be
taken out of the error stream itself. Whatever else appears there is passed on.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

NOTICES = re.compile(
    rb"All log messages before absl::InitializeLog"
    rb"|oneDNN custom operations are on"
    rb"|Could not find cuda drivers on your machine"
    rb"|failed call to cuInit: .*\(303\)"  # 303: no driver, so no GPU to use
)


def import_tensorflow(open_devices: bool = True) -> None:
    """Imports TensorFlow and opens its devices, dropping the usual notices.

    Args:
        open_devices: False leaves that to who still has to choose them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with without_notices():
        import tensorflow as tf

        tf.config.list_physical_devices()
        if open_devices:
            tf.zeros(())


@contextlib.contextmanager
def without_notices() -> Iterator[None]:
    """Holds the process's error stream back and lets go of all but the notices."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        stream = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stream, 2)
            held.seek(0)
            for line in held:
                if not NOTICES.search(line):
                    os.write(stream, line)
            os.close(stream)
