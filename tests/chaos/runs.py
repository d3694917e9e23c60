"""The small training that the chaos scripts start, kill and compare."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ccfpse_tf.runs.checkpoint_folder import latest

REPOSITORY = Path(__file__).resolve().parents[2]
RECIPE = [sys.executable, str(REPOSITORY / "recipes" / "scenes.py")]
# As small as it gets, with all networks; the same bits in every run.
TINY = {
    "generator.ngf": 1,
    "generator.hidden": 2,
    "generator.z_dim": 4,
    "discriminator.ndf": 2,
    "data.batch_size": 2,
    "schedule.steps_per_epoch": 10,
    "schedule.epochs": 12,
    "schedule.checkpoint_every": 3,
    "schedule.images_every": 40,
    "schedule.images": 1,
    "schedule.validate_every": 40,
    "schedule.validation_images": 2,
    "schedule.log_every": 5,
    "step.deterministic": True,
}
PREPARE = ["--train", "60", "--val", "3", "--workers", "1", "--shards", "12"]


def prepare_command(records: Path) -> list[str]:
    """The command that draws the scenes and writes them to ``records``."""
    return [*RECIPE, "prepare", "--records", str(records), *PREPARE]


def train_command(records: Path, run: Path, *options: str, **settings) -> list[str]:
    """The command that trains ``run``.

    Args:
        options: further ones, such as ``--devices cpu:2``.
        settings: ``step__precision="float32"`` for ``step.precision``.
    """
    chosen = TINY | {key.replace("__", "."): value for key, value in settings.items()}
    pairs = [f"{key}={value}" for key, value in chosen.items()]
    paths = ["--records", str(records), "--run", str(run)]
    return [*RECIPE, "train", "--smoke", *paths, *options, "--set", *pairs]


def environment() -> dict[str, str]:
    """The environment of all commands: this checkout's package, no GPU."""
    return os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_NUM_INTRAOP_THREADS": "2",
    }


def run_to_end(command: list[str], timeout: float = 900, **options):
    """Runs a command; returns ``subprocess.CompletedProcess`` with all its output."""
    return subprocess.run(
        command,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
        **options,
    )


def finish(command: list[str]) -> str:
    """Runs a command that must succeed; returns its output."""
    done = run_to_end(command)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}"
        )
    return done.stdout


def start(command: list[str], output=subprocess.DEVNULL) -> subprocess.Popen:
    """Starts a command in the background, in a group of its own."""
    return subprocess.Popen(
        command,
        env=environment(),
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def kill(process: subprocess.Popen) -> bool:
    """SIGKILL for the process and its children; returns whether it was still alive."""
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return alive


def wait_for(process: subprocess.Popen, condition, timeout: float = 600) -> bool:
    """Waits until ``condition()`` holds; False if the process ends before."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.0005)
    raise TimeoutError(f"{condition} did not come true in {timeout:.0f} s")


def digest_of_files(folder: Path, pattern: str) -> str:
    """One fingerprint of all files that match."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob(pattern)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def digest_of_weights(run: Path) -> str:
    """A fingerprint of the newest checkpoint: every tensor, to the last bit."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(latest(run / "checkpoints") / "state"))
    digest = hashlib.sha256()
    for name in sorted(reader.get_variable_to_shape_map()):
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH":
            digest.update(name.encode() + reader.get_tensor(name).tobytes())
    return digest.hexdigest()[:16]
