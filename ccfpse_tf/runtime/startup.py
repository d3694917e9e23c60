"""The start of TensorFlow in our commands: without its notices, and keeping memory.

TensorFlow 2.21 prints notices, which drown our own lines, before it reads
``TF_CPP_MIN_LOG_LEVEL``: they can only be taken out of the error stream itself.
Whatever else appears there is passed on.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, MutableMapping

NOTICES = re.compile(
    rb"All log messages before absl::InitializeLog"
    rb"|oneDNN custom operations are on"
    rb"|Could not find cuda drivers on your machine"
    rb"|failed call to cuInit: .*\(303\)"  # 303: no driver, so no GPU to use
)


def import_tensorflow(open_devices: bool = True) -> None:
    """Imports TensorFlow and opens its devices, dropping the usual notices.

    Without a GPU, TensorFlow is asked to keep freed memory, see :func:`keep_memory`.

    Args:
        open_devices: False leaves that to a caller that still has to choose them.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with without_notices():
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):
            keep_memory(os.environ)
        if open_devices:
            tf.zeros(())


def keep_memory(environment: MutableMapping[str, str]) -> None:
    """Asks for TensorFlow's own pool of memory, unless the user chose already.

    Large tensors otherwise go back to the system and come again page by page, which
    can take longer than the computation itself. TensorFlow reads these variables
    when it opens its devices. The pool may grow up to this machine's memory.

    Args:
        environment: variables by name, changed in place. Left as it is where the system
            does not say how much memory it has.
    """
    if not hasattr(os, "sysconf"):
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    environment.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    environment.setdefault("TF_CPU_BFC_MEM_LIMIT_IN_MB", str(memory // 2**20))


@contextlib.contextmanager
def without_notices() -> Iterator[None]:
    """Holds the process's error stream back, then passes on all but the notices."""
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
                    with contextlib.suppress(BrokenPipeError):
                        os.write(stream, line)
            os.close(stream)
