"""A run folder that goes again where its training ends before its first step."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from ccfpse_tf.config import Config
from ccfpse_tf.runs.checkpoint_folder import steps_saved
from ccfpse_tf.runs.run_folder import Run, is_run, open_run
from ccfpse_tf.runs.status import FILE_NAME


@contextlib.contextmanager
def run_to_train(
    directory: Path, config: Config, description, steps: Callable[[], int]
) -> Iterator[Run]:
    """Opens a run as :func:`open_run`; a new one goes again if it ends without a step.

    That is by any error, or by a stop before anything was saved. A run that was there
    before stays, and so do files of others.

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
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt)
        if new and (stopped or not steps()) and not steps_saved(run.checkpoints):
            _remove(run)
        raise


def _remove(run):
    for folder in (run.checkpoints, run.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for name in (FILE_NAME, "config.json"):
        with contextlib.suppress(OSError):
            (run.directory / name).unlink()
