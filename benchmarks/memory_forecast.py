"""Sets `train`'s forecasts of memory beside the peaks of real trainings.

    python -m benchmarks.memory_forecast [--methods NAME ...] [--batches N ...]

Every method is measured as `train` does it, and then trained for a few steps with every
batch, each time in a process of its own. The table that is printed has the largest size
of that process beside the forecast, and the rough bound below which `train` measures
nothing. A small network takes about a minute per row on two CPU cores. The images are
drawn, unless --records names others.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ccfpse_tf.config import Config, derive, from_dict, override
from ccfpse_tf.errors import InputError, exit_cleanly
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.unread_settings import unread
from ccfpse_tf.runtime import machine
from ccfpse_tf.training.rough_bound import rough_bound
from ccfpse_tf.training.step_costs import SHARE, Place, measure_steps

RECIPES = Path(__file__).parent.parent / "recipes"
METHODS = ["ccfpse", "spade", "pix2pixhd"]
SETTINGS = (
    *("generator.ngf=16", "generator.hidden=32", "discriminator.ndf=16"),
    *("losses.perceptual_network=off", "schedule.epochs=1"),
    *("schedule.steps_per_epoch=4", "schedule.images=1"),
    "schedule.validation_images=1",
)
HEADS = "method", "images", "forecast", "real peak", "forecast / real", "rough bound"


def main(argv=None) -> int:
    """Prints the table, a row after every training."""
    options = _options(argv)
    print("| " + " | ".join(HEADS) + " |\n" + "|---" * len(HEADS) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        records = options.records or _drawn(Path(folder), options.size)
        for method in options.methods:
            argv = ["--records", str(records), "--method", method, "--set"]
            argv += [*read_by(method), f"data.image_size={options.size}", *options.set]
            config = _config(argv)
            batches = [images for images in (1, 2) if images <= max(options.batches)]
            free = machine.memory()[1]
            place = Place()  # one CPU
            costs = measure_steps(config, place, batches, free, int(SHARE * free))
            if not costs.points:
                raise InputError(f"{method}: no step could be measured")
            for images in options.batches:
                bound = rough_bound(derive(config, data={"batch_size": images}), place)
                real = _peak(argv, images, Path(folder) / f"{method}-{images}")
                said = costs.bytes(images)
                sizes = [machine.size(x) for x in (said, real)]
                row = [method, images, *sizes, f"{said / real:.2f}"]
                row += [machine.size(bound)]
                print("| " + " | ".join(map(str, row)) + " |", flush=True)
    return 0


def _options(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--methods", nargs="+", default=METHODS, choices=methods.METHODS, metavar="NAME"
    )
    add("--batches", nargs="+", type=int, default=[1, 2, 4], metavar="N")
    add("--size", default="128x128", metavar="HxW", help="default: %(default)s")
    add("--records", type=Path, metavar="DIR", help="default: drawn scenes")
    add("--set", nargs="+", default=[], metavar="KEY=VALUE", help="as of train")
    return parser.parse_args(argv)


def _drawn(folder, size):
    """Writes records of drawn street scenes."""
    argv = ["prepare", "--records", str(folder / "records"), "--size", size]
    _recipe("scenes", *argv, "--train", "16", "--val", "1", "--workers", "1")
    return folder / "records"


def read_by(method: str) -> list[str]:
    """The settings that a training of the method reads; `train` refuses the others."""
    config = override(Config(name="folder"), [*methods.settings(method), *SETTINGS])
    ignored = unread(config, SETTINGS)
    return [text for text in SETTINGS if text.partition("=")[0] not in ignored]


def _config(argv) -> Config:
    return from_dict(json.loads(_recipe("folder", "train", "--dry-run", *argv)))


def _recipe(name, *argv):
    command = [sys.executable, str(RECIPES / f"{name}.py"), *argv]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(done.stderr.strip())
    return done.stdout


def _peak(argv, images, run) -> int:
    """Trains; returns the largest size of the process in bytes."""
    command = [sys.executable, str(RECIPES / "folder.py"), "train", "--no-forecast"]
    command += ["--run", str(run), *argv, "--batch", str(images)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise InputError(output.read().decode(errors="replace").strip())
    return usage.ru_maxrss * 1024  # the system says kB and means KiB


if __name__ == "__main__":
    exit_cleanly(main)
