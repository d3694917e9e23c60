"""A run folder that goes again where its training ends before its first step."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ccfpse_tf.config import Config
from ccfpse_tf.files.locks import RUN_LOCK
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.run_folder import Run, is_run, open_run


@contextlib.contextmanager
def run_to_train(
    directory: Path, config: Config, description, steps: Callable[[], int]
) -> Iterator[Run]:
    """Opens a run as :func:`open_run`; a new one goes again if it ends without a step.

    A run that was there before stays, and so does what was trained.

    Args:
        directory: the run folder; it may not exist yet.
        config: as for :func:`open_run`.
        description: as for :func:`open_run`.
        steps: returns how many steps have been trained.

    Raises:
        InputError: as :func:`open_run`.
    """
    new = not is_run(directory)
    run = open_run(directory, config, description)
    try:
        yield run
    except BaseException:
        if new and not steps() and not steps_saved(run.checkpoints):
            _empty(run.directory)
        raise


def _empty(directory):
    """Removes everything but the lock. A new run's folder held nothing else before."""
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != RUN_LOCK:
            with contextlib.suppress(OSError):
                path.unlink()
