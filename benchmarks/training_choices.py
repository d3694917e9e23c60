"""Compares choices of a training by the images that it leads to, over several seeds.

    python -m benchmarks.training_choices perceptual --records RECORDS --out DIR \\
        --segmenter SEGMENTER --squeezenet FILE
    python -m benchmarks.training_choices frozen --records RECORDS --out DIR \\
        --segmenter SEGMENTER
    python -m benchmarks.training_choices distillation --records RECORDS --out DIR \\
        --segmenter SEGMENTER --teacher DIR2/squeezenet-0

Every arm of an experiment trains the same small networks for the same number of steps
with each seed. The mIoU of the validation images is measured several times in the
training, the distance `kid_lite0` at its end. The command may be stopped at any time:
started again, it goes on, and with other ``--arms`` or ``--seeds`` it adds to what is
there. It writes a table of all finished runs to DIR/table.md and prints it; a picture
of the same layouts by every arm is DIR/pictures.png. A teacher is a run of another
experiment of this command, and stands in the table with what was measured there.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

RECIPE = Path(__file__).parent.parent / "recipes" / "folder.py"
# Narrow enough for two CPU cores; rates above the paper's, as few steps have to do.
SMALL = {
    "generator.ngf": 8,
    "generator.hidden": 32,
    "generator.z_dim": 32,
    "discriminator.ndf": 16,
    "optimizers.generator_lr": 2e-3,
    "optimizers.discriminator_lr": 2e-3,
    "data.batch_size": 4,
    "losses.perceptual_network": "off",
    "schedule.images_every": 100000,
    "schedule.validate_every": 100000,
    "schedule.checkpoint_every": 50,
    "evaluation.every_epochs": 1,
}
PERCEPTUAL = "losses.perceptual_network"
COMPACT = {
    "generator.architecture": "ccfpse_compact",
    "generator.ngf": 32,
    "generator.hidden": 32,
    "generator.mixed": 4,
    "generator.encoder_ngf": 8,  # that of the full network beside it
}
TAUGHT = "taught"  # the arm that learns from --teacher
EXPERIMENTS = {
    "perceptual": {
        "none": {},
        "squeezenet": {PERCEPTUAL: "squeezenet"},
        "efficientnet-lite0": {PERCEPTUAL: "efficientnet-lite0"},
    },
    "compact": {
        "full, ngf 8": {},
        "mixed 4": COMPACT,
        "mixed 1": COMPACT | {"generator.mixed": 1},
        "mixed 8": COMPACT | {"generator.mixed": 8},
        "ngf 16": COMPACT | {"generator.ngf": 16},
        "ngf 48": COMPACT | {"generator.ngf": 48},
        "hidden 16": COMPACT | {"generator.hidden": 16},
        "hidden 64": COMPACT | {"generator.hidden": 64},
    },
    "distillation": {
        "alone": COMPACT | {PERCEPTUAL: "squeezenet"},
        TAUGHT: COMPACT | {PERCEPTUAL: "squeezenet"},
    },
    "frozen": {
        "fpse": {},
        "fpse_frozen": {"discriminator.architecture": "fpse_frozen"},
    },
}
MEASUREMENTS = 5  # of mIoU in a training
FACTS = "measured.json"
PICTURES = 4  # layouts in the picture


def main(argv=None) -> int:
    """Runs what is missing of an experiment, and prints its table."""
    options = _options(argv)
    arms = EXPERIMENTS[options.experiment]
    for seed in range(options.seeds):
        for arm in options.arms or arms:
            run = options.out / f"{folder_of(arm)}-{seed}"
            if not (run / FACTS).exists():
                teacher = options.teacher if arm == TAUGHT else None
                settings = SMALL | arms[arm] | {"data.seed": seed}
                measure(run, options, settings, teacher)
            print(report(options.out, arms, options.teacher), flush=True)
    return 0


def folder_of(arm: str) -> str:
    """Returns the name of an arm in paths."""
    return arm.replace(", ", "-").replace(" ", "-")


def _options(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("experiment", choices=EXPERIMENTS)
    add("--records", type=Path, required=True, metavar="DIR")
    add("--out", type=Path, required=True, metavar="DIR", help="made or resumed")
    add("--segmenter", required=True, metavar="SPEC", help="as for `evaluate`")
    add("--teacher", type=Path, metavar="RUN", help="for the experiment distillation")
    add("--squeezenet", metavar="FILE", help="its weights, instead of a download")
    add("--size", default="64x96", metavar="HxW", help="default: %(default)s")
    add("--steps", type=int, default=500, metavar="N", help="default: %(default)s")
    add("--seeds", type=int, default=3, metavar="N", help="default: %(default)s")
    add("--arms", nargs="+", metavar="ARM", help="default: all of the experiment")
    options = parser.parse_args(argv)
    if (options.experiment == "distillation") != (options.teacher is not None):
        parser.error("--teacher RUN is for the experiment distillation, which needs it")
    if options.teacher and not (options.teacher / FACTS).exists():
        parser.error(
            f"--teacher {options.teacher}: has no {FACTS}, so it is not a finished run "
            "of this command; name one, such as DIR/squeezenet-0 of `perceptual`"
        )
    return options


def measure(run: Path, options, settings: dict, teacher: Path | None) -> None:
    """Trains a run, or the rest of it, and writes what its images are worth."""
    settings |= {
        "data.image_size": options.size,
        "schedule.epochs": MEASUREMENTS,
        "schedule.steps_per_epoch": options.steps // MEASUREMENTS,
        "evaluation.segmenter": options.segmenter,
    }
    if settings[PERCEPTUAL] == "squeezenet" and options.squeezenet:
        settings["losses.perceptual_weights"] = options.squeezenet
    texts = [f"{key}={value}" for key, value in settings.items()]
    command = ("distil", "--teacher", teacher) if teacher else ("train",)
    recipe(*command, "--records", options.records, "--run", run, "--set", *texts)
    out = run / "evaluation"
    recipe(
        *("evaluate", "--run", run, "--out", out),
        *("--segmenter", options.segmenter, "--features", "efficientnet-lite0"),
    )
    metrics = json.loads((out / "metrics.json").read_text())["metrics"]
    facts = {"curve": curve(run), **metrics["generated"], "real": metrics.get("real")}
    (run / FACTS).write_text(json.dumps(facts, indent=1))


def recipe(*arguments) -> None:
    """Runs a subcommand of recipes/folder.py in a process of its own."""
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    subprocess.run(command, check=True)


def curve(run: Path) -> dict[int, float]:
    """Returns the mIoU by step, as TensorBoard's files have it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(run / "logs")).Reload()
    found = events.Tensors("metrics/mean_iou")
    return {x.step: float(make_ndarray(x.tensor_proto)) for x in found}


def report(out: Path, arms, teacher: Path | None = None) -> str:
    """Writes table and picture of all measured runs; returns the table."""
    found = {
        arm: [
            json.loads(path.read_text())
            for path in sorted(out.glob(f"{folder_of(arm)}-*/{FACTS}"))
        ]
        for arm in arms
    }
    found = {arm: runs for arm, runs in found.items() if runs}
    if not found:
        return "nothing is measured yet"
    if teacher:
        found = {"teacher": [json.loads((teacher / FACTS).read_text())]} | found
    steps = list(next(iter(found.values()))[0]["curve"])
    heads = [f"mIoU at step {step}" for step in steps]
    heads += ["mIoU", "pixel accuracy", "fd_lite0", "kid_lite0"]
    lines = [f"| arm | seeds | {' | '.join(heads)} |", "|" + "---|" * (len(heads) + 2)]
    for arm, runs in found.items():
        cells = [_scores(100 * run["curve"][step] for run in runs) for step in steps]
        for name in ("mean_iou", "pixel_accuracy"):
            cells += [_scores(100 * run[name] for run in runs)]
        for name in ("fd_lite0", "kid_lite0"):
            cells += [_scores(run[name] for run in runs)]
        lines.append(f"| {arm} | {len(runs)} | {' | '.join(cells)} |")
    real = next(iter(found.values()))[0]["real"]
    cells = [""] * len(steps)
    cells += [f"{100 * real[name]:.1f}" for name in ("mean_iou", "pixel_accuracy")]
    lines.append(f"| photographs | - | {' | '.join(cells)} | | |")
    table = "\n".join(lines)
    (out / "table.md").write_text(table + "\n")
    draw(out, found)
    return table


def _scores(values) -> str:
    """All seeds' values, so that their scatter shows."""
    return ", ".join(f"{value:.3g}" for value in values)


def draw(out: Path, arms) -> None:
    """Writes the photographs and the images of the first seed of every arm."""
    import numpy as np
    from PIL import Image

    names = [f"{folder_of(arm)}-0" for arm in arms]
    folders = [out / name / "evaluation" / "images" for name in names]
    folders = [folder for folder in folders if folder.is_dir()]
    names = sorted(path.name for path in folders[0].glob("*.png"))
    names = names[:: max(1, len(names) // PICTURES)][:PICTURES]
    rows = []
    for folder in folders:
        images = [np.asarray(Image.open(folder / name)) for name in names]
        rows.append(np.concatenate(images, 1))
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((2 * sheet.width, 2 * sheet.height)).save(out / "pictures.png")


if __name__ == "__main__":
    sys.exit(main())
