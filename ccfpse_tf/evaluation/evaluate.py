"""Measuring a run's images: draws a split, judges it, writes ``metrics.json``.

An evaluation that was stopped goes on where it was: images that are there are not
drawn again, and what the judges have seen is kept in ``progress.npz``.
"""

import json
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.files import write_image
from ccfpse_tf.evaluation.judges import Judge
from ccfpse_tf.evaluation.measures import REFERENCE, Measures, make_judges
from ccfpse_tf.evaluation.report import draw_iou, paper_line, published
from ccfpse_tf.evaluation.source import Images, Source
from ccfpse_tf.files.arrays import read_arrays, write_arrays
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.files.locks import locked
from ccfpse_tf.runtime.progress_bar import track

PROTOCOL, PROGRESS, METRICS = "protocol.json", "progress.npz", "metrics.json"
IMAGES, IOU_PICTURE = "images", "iou.png"
LOCK = ".evaluate.lock"
SAVE_SECONDS = 60
PACKAGES = ("ccfpse-tf", "keras", "tensorflow", "numpy", "pillow")


def evaluate(images: Images, measures: Measures, out: Path) -> dict:
    """Judges images and writes ``metrics.json``, ``iou.png`` and the images drawn.

    Args:
        images: what to judge.
        measures: what to measure.
        out: folder to make, or one of the same evaluation to go on with.

    Returns:
        What ``metrics.json`` holds: ``protocol``, ``metrics`` by what was judged,
        ``iou``, ``published``, ``paper_line``.

    Raises:
        InputError: a run without checkpoint, a folder of another evaluation (what
            differs is named), missing images: anything that the user can mend.
    """
    out = Path(out)
    with locked(out / LOCK, "another evaluation is writing"):
        source = Source.open(images)
        _check_folder(out)
        judges = make_judges(measures, source, out)
        protocol = source.protocol() | {
            name: facts for judge in judges for name, facts in judge.protocol().items()
        }
        done = _begin(out, protocol)
        if done:
            return done
        position = _load_progress(out, judges)
        sizes = {judge.label_size for judge in judges if judge.label_size}
        examples = source.examples(out / IMAGES, position, sizes)
        saved = time.monotonic()
        for example in track(examples, source.count - position, "evaluating"):
            for judge in judges:
                judge.update(example)
            position += 1
            if time.monotonic() - saved > SAVE_SECONDS:
                _save_progress(out, judges, position)
                saved = time.monotonic()
        return _finish(out, protocol, judges, source.description)


def _check_folder(out):
    # The statistics of the photographs may be there before the protocol, or half.
    there = {x.name for x in out.iterdir() if x.name[0] != "."} - {REFERENCE}
    if there and not (out / PROTOCOL).exists():
        raise InputError(
            f"--out {out} holds files that `evaluate` did not write; name another "
            "folder, nothing in this one is touched"
        )


def _begin(out, protocol) -> dict | None:
    """Writes the protocol or compares it; returns the result if it is there."""
    path = out / PROTOCOL
    if not path.exists():
        write_json(path, protocol)
        return None
    before = json.loads(path.read_text(encoding="utf-8"))
    protocol = json.loads(json.dumps(protocol))  # tuples as JSON has them
    differing = [
        f"{key}: there {before.get(key)!r}, now {protocol.get(key)!r}"
        for key in sorted({*before, *protocol})
        if before.get(key) != protocol.get(key)
    ]
    if differing:
        raise InputError(
            f"--out {out} holds another evaluation; name another folder, or repeat "
            "that one:\n  " + "\n  ".join(differing)
        )
    if (out / METRICS).exists():
        return json.loads((out / METRICS).read_text(encoding="utf-8"))
    return None


def _load_progress(out, judges) -> int:
    """Gives the judges back what they had seen; returns how many images that was."""
    path = out / PROGRESS
    if not path.exists():
        return 0
    saved = read_arrays(path)
    for number, judge in enumerate(judges):
        prefix = f"{number}/"
        judge.restore(
            {
                name.removeprefix(prefix): value
                for name, value in saved.items()
                if name.startswith(prefix)
            }
        )
    return int(saved["position"])


def _save_progress(out, judges, position):
    arrays = {
        f"{number}/{name}": value
        for number, judge in enumerate(judges)
        for name, value in judge.state().items()
    }
    write_arrays(out / PROGRESS, arrays | {"position": np.array(position)})


def _finish(out, protocol, judges: Sequence[Judge], description) -> dict:
    metrics: dict[str, dict[str, float]] = {}
    iou: dict[str, dict[str, float | None]] = {}
    for judge in judges:
        for title, values in judge.result().items():
            metrics.setdefault(title, {}).update(_json(values))
        for title, classes in judge.per_class().items():
            iou[title] = _json(classes)
    result = {
        "protocol": protocol,
        "metrics": metrics,
        "iou": iou,
        "published": published(description.name),
        "paper_line": paper_line(metrics["generated"], protocol, description.name),
        "versions": {name: version(name) for name in PACKAGES},
    }
    if iou:
        names = list(next(iter(iou.values())))
        series = {
            title: np.array(list(values.values()), float)  # None becomes NaN
            for title, values in iou.items()
        }
        write_image(out / IOU_PICTURE, draw_iou(names, series))
    write_json(out / METRICS, result)
    (out / PROGRESS).unlink(missing_ok=True)
    return result


def _json(values):
    """JSON has no NaN: what is undefined becomes null."""
    return {name: None if np.isnan(x) else float(x) for name, x in values.items()}
