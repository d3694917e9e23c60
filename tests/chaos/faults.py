"""Does to a small training what disks, systems and numbers do, and shows what happens.

``python -m tests.chaos.faults [NAME ...]`` prints a table of faults with the expected
and the observed behaviour; the exit status is 1 where they differ.
"""

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ccfpse_tf.runs.checkpoint_folder import latest, steps_saved
from tests.chaos import runs

# Ten steps, whose checkpoints all stay.
FEW = {
    "schedule__epochs": 1,
    "schedule__validate_every": 5,
    "schedule__keep": 9,
}
FAULTS: dict[str, tuple[str, Callable]] = {}


class Ground:
    """Records and a finished training that every fault gets its own copy of."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.records = folder / "records"
        self.finished = folder / "finished"
        runs.finish(runs.prepare_command(self.records))
        runs.finish(runs.train_command(self.records, self.finished, **FEW))
        self.weights = runs.digest_of_weights(self.finished)

    def copy(self, name: str) -> tuple[Path, Path]:
        """``(records, run)``, the run stopped at its checkpoint of step 6."""
        place = self.folder / name
        shutil.copytree(self.records, place / "records")
        shutil.copytree(self.finished, place / "run")
        for path in (place / "run" / "checkpoints").glob("ckpt-*"):
            if path.name not in ("ckpt-3", "ckpt-6"):
                shutil.rmtree(path)
        return place / "records", place / "run"

    def train(self, records, run, *options, settings=None, **how):
        """Runs the training; returns ``(exit code, output)``."""
        command = runs.train_command(records, run, *options, **FEW | (settings or {}))
        done = runs.run_to_end(command, **how)
        return done.returncode, done.stdout


def fault(expected: str):
    """Registers a function ``(ground, name) -> (whether as expected, observed)``."""

    def register(function):
        name = function.__name__.replace("_", " ").strip()
        FAULTS[name] = (expected, function)
        return function

    return register


def _message(code: int, output: str, *words: str) -> tuple[bool, str]:
    """Returns whether it ended with an error of these words, without a traceback."""
    lines = [line for line in output.splitlines() if line.startswith("error: ")]
    good = code not in (0, -9) and "Traceback" not in output and bool(lines)
    text = output[output.rfind("error: ") :] if lines else output[-300:]
    missing = [word for word in words if word not in text]
    shown = " ".join(text.split())[:230]
    return good and not missing, f"exit {code}: {shown}"


def _goes_on(ground, records, run) -> tuple[bool, str]:
    """Returns whether the same command then ends with the undisturbed run's bits."""
    code, output = ground.train(records, run)
    if code:
        return False, f"exit {code}: {output[-300:]}"
    equal = runs.digest_of_weights(run) == ground.weights
    return equal, "final weights equal" if equal else "final weights DIFFER"


@fault("error names the shard and the way out; nothing is trained")
def truncated_shard(ground, name):
    records, run = ground.copy(name)
    shard = sorted(records.glob("*train.tfrecord-*"))[1]
    shard.write_bytes(shard.read_bytes()[:-100])
    code, output = ground.train(records, run)
    return _message(code, output, shard.name, "run the same tfrecords")


@fault("the checksum notices; error names the shard and the way out")
def bit_flip_in_a_record(ground, name):
    records, run = ground.copy(name)
    shard = sorted(records.glob("*train.tfrecord-*"))[2]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 4
    shard.write_bytes(content)
    # An epoch that reads every record.
    code, output = ground.train(records, run, settings={"schedule__epochs": 5})
    return _message(code, output, shard.name, "damaged", "prepare")


@fault("error names what is missing; with the shard back, the same bits")
def shard_deleted_during_training(ground, name):
    records, run = ground.copy(name)
    shards = sorted(records.glob("*train.tfrecord-*"))
    # An epoch is once through the records here, and the second one misses shards.
    settings = FEW | {"schedule__steps_per_epoch": 30, "schedule__epochs": 3}
    shutil.rmtree(run)
    log = ground.folder / f"{name}.txt"
    command = runs.train_command(records, run, **settings)
    with log.open("w") as output:
        process = runs.start(command, output)
        runs.wait_for(process, lambda: steps_saved(run / "checkpoints"))
        away = [shard.with_name(f"{shard.name}.away") for shard in shards]
        for shard, place in zip(shards, away, strict=True):
            shard.rename(place)
        code = process.wait(timeout=600)
    good, observed = _message(code, log.read_text(), "records")
    for shard, place in zip(shards, away, strict=True):
        place.rename(shard)
    runs.finish(command)
    calm = ground.folder / f"{name} calm"
    runs.finish(runs.train_command(records, calm, **settings))
    equal = runs.digest_of_weights(run) == runs.digest_of_weights(calm)
    return good and equal, f"{observed}; then {'equal' if equal else 'DIFFERENT'} bits"


@fault("goes on from the checkpoint before and says so; the same bits")
def truncated_checkpoint(ground, name):
    records, run = ground.copy(name)
    data = next((latest(run / "checkpoints")).glob("*.data-*"))
    data.write_bytes(data.read_bytes()[:-1000])
    code, output = ground.train(records, run)
    said = (
        "ckpt-6" in output and "going on from the checkpoint before, step 3" in output
    )
    equal = code == 0 and runs.digest_of_weights(run) == ground.weights
    verdict = "final weights equal" if equal else f"exit {code}, weights differ"
    return said and equal, f"says so: {said}; {verdict}"


@fault("error names the checkpoint; older ones intact; with room, the same bits")
def disk_full_while_saving(ground, name):
    records, run = ground.copy(name)
    size = max(file.stat().st_size for file in latest(run / "checkpoints").iterdir())

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - 10, size - 10))

    code, output = ground.train(records, run, preexec_fn=limit)
    good, observed = _message(code, output, "ckpt-9")
    intact = steps_saved(run / "checkpoints") == [3, 6]
    then, bits = _goes_on(ground, records, run)
    return good and intact and then, f"{observed}; older intact: {intact}; {bits}"


@fault("error names the folder; nothing in it changes")
def read_only_run_folder(ground, name):
    records, run = ground.copy(name)
    before = runs.digest_of_files(run, "**/*.*")
    with _read_only(run):
        code, output = ground.train(records, run)
    good, observed = _message(code, output, run.name)
    same = before == runs.digest_of_files(run, "**/*.*")
    return good and same, f"{observed}; unchanged: {same}"


@contextlib.contextmanager
def _read_only(folder):
    """By its permissions, or for root, whom these do not stop, by mounting it so."""
    if os.geteuid():
        paths = [folder, *folder.rglob("*")]
        modes = [path.stat().st_mode for path in paths]
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode & ~0o222)
        yield
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)
        return
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@fault("no effect: checkpoints count in steps, cadences by a clock that only rises")
def clock_going_backwards(ground, name):
    records, run = ground.copy(name)
    code = (
        "import itertools, runpy, sys, time\n"
        "back = itertools.count(time.time(), -3600)\n"
        "time.time = lambda: next(back)\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    settings = FEW | {"schedule__checkpoint_minutes": 0.001}
    command = runs.train_command(records, run, **settings)
    done = runs.run_to_end([command[0], "-c", code, *command[1:]])
    equal = done.returncode == 0 and runs.digest_of_weights(run) == ground.weights
    return equal, f"exit {done.returncode}; weights {'equal' if equal else 'differ'}"


@fault("refused with both values; the run stays as it was")
def config_changed_between_resumes(ground, name):
    records, run = ground.copy(name)
    before = runs.digest_of_files(run, "**/*.*")
    changed = {"optimizers__generator_lr": 0.5}
    code, output = ground.train(records, run, settings=changed)
    good, observed = _message(code, output, "optimizers.generator_lr", "0.5", "0.004")
    same = before == runs.digest_of_files(run, "**/*.*")
    return good and same, f"{observed}; unchanged: {same}"


@fault("steps are left out, then it stops; names the last good checkpoint and images")
def divergence(ground, name):
    records, run = ground.copy(name)
    shutil.rmtree(run)
    wild = {"optimizers__discriminator_lr": 1e37, "schedule__skips_allowed": 2}
    code, output = ground.train(records, run, settings=wild)
    good, observed = _message(code, output, "training has diverged")
    return good, observed


@fault("the step is left out on both replicas, and the scale halved")
def overflow_on_one_replica(ground, name):
    command = [sys.executable, "-m", "tests.gan.loss_scale_replicas"]
    done = runs.run_to_end(command, cwd=runs.REPOSITORY)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    untouched = '"weights": [[1.0, 2.0], [1.0, 2.0]]'
    good = len(lines) == 3 and untouched in lines[0] and untouched in lines[1]
    return good, lines[0] if lines else done.stdout[-200:]


@fault("the other worker ends with an error in time; started again, the same bits")
def worker_killed(ground, name):
    test = "tests/runtime/test_workers.py"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", test]
    done = subprocess.run(
        command, cwd=runs.REPOSITORY, stdout=subprocess.PIPE, text=True, check=False
    )
    return done.returncode == 0, f"{test}: {done.stdout.strip().splitlines()[-1]}"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns 1 where something was not as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(FAULTS))
    names = parser.parse_args(argv).names or list(FAULTS)
    unknown = sorted(set(names) - set(FAULTS))
    if unknown:
        parser.error(f"no fault {unknown[0]!r}; choose from {', '.join(FAULTS)}")
    good = True
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        ground = Ground(Path(folder))
        for name in names:
            expected, function = FAULTS[name]
            passed, observed = function(ground, name)
            good &= passed
            print(f"{'ok ' if passed else 'BAD'} {name}")
            print(f"      expected  {expected}\n      observed  {observed}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
