"""The folder of a run's checkpoints: finds the complete, newest and best ones."""

import json
import re
from pathlib import Path

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256_of_files

PREFIX = "ckpt"
BEST = "best"
FACTS = "checkpoint.json"  # of a checkpoint; written last


def steps_saved(directory: Path) -> list[int]:
    """Returns the steps of the complete checkpoints in ``directory``, ascending."""
    matches = (
        re.fullmatch(rf"{PREFIX}-(\d+)", path.name)
        for path in Path(directory).glob(f"{PREFIX}-*")
        if (path / FACTS).is_file()
    )
    return sorted(int(match[1]) for match in matches if match)


def latest(directory: Path) -> Path | None:
    """Returns the newest checkpoint's folder, or None."""
    return next(iter(newest_first(directory)), None)


def best(directory: Path) -> dict | None:
    """Returns ``{"path", "step", "metric", "value"}`` of the best checkpoint, or None.

    Args:
        directory: the run's ``checkpoints`` folder.
    """
    path = latest(Path(directory) / BEST)
    return path and read_facts(path) | {"path": path}


def read_facts(path: Path) -> dict:
    """Returns the content of a checkpoint's ``checkpoint.json``."""
    return json.loads((path / FACTS).read_text(encoding="utf-8"))


def digest_of(path: Path) -> str:
    """Returns the SHA-256 of a checkpoint's weights and optimisers."""
    return sha256_of_files(*sorted(path.glob("state.*")))


def newest_first(directory: Path) -> list[Path]:
    """Returns the folders of the complete checkpoints, the newest first."""
    steps = reversed(steps_saved(directory))
    return [Path(directory) / f"{PREFIX}-{step}" for step in steps]


def bytes_below(directory: Path) -> int:
    """Returns the size of all checkpoints in ``directory``; links take no room."""
    found = [path.stat() for path in Path(directory).rglob("*") if path.is_file()]
    return sum({(x.st_dev, x.st_ino): x.st_size for x in found}.values())


def require_checkpoint(run) -> Path:
    """Returns the newest checkpoint of a :class:`ccfpse_tf.runs.run_folder.Run`.

    Raises:
        InputError: the run does not have one yet.
    """
    path = latest(run.checkpoints)
    if path is None:
        raise InputError(
            f"{run.checkpoints} does not hold a checkpoint yet: train the run first, "
            f"with train --run {run.directory}"
        )
    return path


def diverged_message(what: str, directory: Path) -> str:
    """Returns the error text for a training that has diverged.

    Args:
        what: the step and the values found.
        directory: the run's checkpoint folder.
    """
    last = latest(directory)
    kept = f"the last good checkpoint is {last}" if last else "no checkpoint was saved"
    return (
        f"{what}: training has diverged and was stopped; {kept}.\n"
        "Start another run (--run) with lower rates, such as "
        "--set optimizers.generator_lr=5e-5 (and optimizers.discriminator_lr=2e-4, if "
        "there is a discriminator), and make sure that the images are not all of one "
        "colour."
    )


def check_sizes(path: Path) -> None:
    """Compares the files of a checkpoint with the sizes that were written.

    Raises:
        OSError: a file that is missing or has another size.
        ValueError: a ``checkpoint.json`` that is damaged.
    """
    for name, size in read_facts(path)["bytes"].items():
        file = path / name
        found = file.stat().st_size if file.is_file() else 0
        if found != size:
            raise OSError(f"{name} has {found} bytes, {size} were written")
