"""Trains a small model for 2,000 steps and watches memory, speed and tracing.

``python -m tests.chaos.soak [--steps 2000]`` prints what the process holds at a tenth
of the way and at the end, the speed of the second and of the last tenth, and how often
the training step was traced. The exit status is 1 where memory grows by more than 2 %,
the speed falls by more than a fifth or the step is traced again.
"""

import argparse
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ccfpse_tf.runtime.peak_memory import give_back, memory_bytes
from tests.chaos import runs

GROWTH, SLOWER = 1.02, 0.8


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns 1 where something drifts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    steps = parser.parse_args(argv).steps
    from ccfpse_tf.gan.ccfpse import CCFPSE
    from ccfpse_tf.training import train
    from ccfpse_tf.training.callbacks import StepCallback
    from recipes import scenes

    traces, seen = [], {}
    marks = {steps // 10: "first", steps // 5: "second", steps - steps // 10: "late"}
    traced = CCFPSE.train_step

    def counting(model, data):
        traces.append(1)
        return traced(model, data)

    class Watch(StepCallback):
        def on_train_batch_end(self, batch, logs=None):
            if self.store.step in marks or self.store.step == steps:
                gc.collect()
                give_back()
                seen[self.store.step] = (time.monotonic(), memory_bytes("VmRSS"))

    CCFPSE.train_step = counting
    make = train.make_callbacks
    train.make_callbacks = lambda training: [*make(training), Watch(training.store)]
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        records, run = Path(folder) / "records", Path(folder) / "run"
        runs.finish(runs.prepare_command(records))
        changed = {
            "schedule__steps_per_epoch": 100,
            "schedule__epochs": steps // 100,
            "schedule__checkpoint_every": 100,
            "schedule__images_every": 100,
            "schedule__validate_every": 100,
        }
        command = runs.train_command(records, run, **changed)
        scenes.main(command[len(runs.RECIPE) :])
    return _report(steps, seen, len(traces))


def _report(steps, seen, traces) -> int:
    first, second, late = steps // 10, steps // 5, steps - steps // 10
    memory = {step: seen[step][1] / 1e6 for step in (first, steps)}
    early = (second - first) / (seen[second][0] - seen[first][0])
    end = (steps - late) / (seen[steps][0] - seen[late][0])
    print(
        f"memory at step {first}: {memory[first]:.0f} MB, at {steps}: "
        f"{memory[steps]:.0f} MB ({memory[steps] / memory[first]:.3f} times)"
    )
    print(f"speed of the last tenth / of the second tenth: {end / early:.3f}")
    print(f"traces of the training step: {traces}")
    grown = memory[steps] > GROWTH * memory[first]
    return 1 if grown or end < SLOWER * early or traces != 1 else 0


if __name__ == "__main__":
    sys.exit(main())
