"""Kills a small training again and again, and compares the results.

``python -m tests.chaos.kills [--kills 40] [--devices cpu:2] [--average] [--seed 0]``
prepares records and trains on them without a disturbance; then again, killing every
process (SIGKILL) at a random moment: during the preparation, while it starts, between
steps, and while a checkpoint is being written. The records must be the same files, the
final checkpoint the same bits, and no start may find a checkpoint that it cannot read.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ccfpse_tf.runs.checkpoint_folder import steps_saved
from tests.chaos import runs

UNREADABLE = "cannot be restored"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table of the kills; returns 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--devices", default="cpu")
    parser.add_argument(
        "--average", action="store_true", help="with a running average of the generator"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="kept; default: a temporary one")
    arguments = parser.parse_args(argv)
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        return _run(arguments, folder)
    finally:
        if not arguments.folder:
            shutil.rmtree(folder)


def _run(arguments, folder: Path) -> int:
    chance = random.Random(arguments.seed)
    devices = ("--devices", arguments.devices)
    average = {"generator__average_decay": 0.9, "schedule__average_batches": 2}
    settings = average if arguments.average else {}
    calm, wild = folder / "calm", folder / "wild"
    began = time.monotonic()
    runs.finish(runs.prepare_command(calm / "records"))
    seconds = time.monotonic() - began
    runs.finish(
        runs.train_command(calm / "records", calm / "run", *devices, **settings)
    )

    preparing = max(1, arguments.kills // 7)
    counts = Counter()
    command = runs.prepare_command(wild / "records")
    for _ in range(preparing):
        process = runs.start(command)
        time.sleep(chance.uniform(0.2, 1.0) * seconds)
        counts["preparing records"] += runs.kill(process)
    runs.finish(command)

    command = runs.train_command(wild / "records", wild / "run", *devices, **settings)
    log = wild / "output.txt"
    for number in range(arguments.kills - sum(counts.values())):
        moment = ("starting", "between steps", "writing a checkpoint")[number % 3]
        _kill_at(moment, command, wild / "run", chance, log, counts)
    output = log.read_text() + runs.finish(command)
    return _report(arguments, counts, calm, wild, output)


def _kill_at(moment, command, run, chance, log, counts) -> None:
    """Starts the training and kills it at such a moment, if it comes."""
    checkpoints = run / "checkpoints"
    before = steps_saved(checkpoints)
    with log.open("a") as output:
        process = runs.start(command, output)
        if moment == "starting":
            runs.wait_for(process, (run / "config.json").exists)
            time.sleep(chance.uniform(0, 20))
        elif moment == "between steps":
            runs.wait_for(process, lambda: steps_saved(checkpoints) != before)
            time.sleep(chance.uniform(0, 2))
        else:
            runs.wait_for(process, lambda: any(checkpoints.glob(".ckpt-*.partial")))
            time.sleep(chance.uniform(0, 0.03))
        alive = runs.kill(process)
    half_written = any(checkpoints.glob(".ckpt-*"))
    if alive and half_written:
        moment = "writing a checkpoint (left half)"
    counts[moment if alive else "(had ended)"] += 1
    print(f"{moment:34} checkpoints {steps_saved(checkpoints)}", flush=True)


def _report(arguments, counts, calm, wild, output) -> int:
    records = [
        runs.digest_of_files(folder / "records", "*.tfrecord-*")
        for folder in (calm, wild)
    ]
    weights = [runs.digest_of_weights(folder / "run") for folder in (calm, wild)]
    print(f"\n{'killed while':34} times")
    for moment, count in counts.most_common():
        print(f"{moment:34} {count:5}")
    rows = {
        "records, undisturbed and killed": records,
        "final checkpoint, every bit": weights,
    }
    for name, pair in rows.items():
        verdict = "equal" if pair[0] == pair[1] else "DIFFERENT"
        print(f"{name:34} {pair[0]} {pair[1]} {verdict}")
    unreadable = output.count(UNREADABLE)
    print(f"{'checkpoints found unreadable':34} {unreadable}")
    equal = all(a == b for a, b in rows.values())
    return 0 if equal and not unreadable else 1


if __name__ == "__main__":
    sys.exit(main())
