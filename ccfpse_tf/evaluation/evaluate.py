"""Measures a run's images: generates a split, measures it, writes ``metrics.json``.

An evaluation that was stopped goes on where it was: images that are there are not
generated again, and the state of the metrics is kept in ``progress.npz``.
"""

import json
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_folder import write_image
from ccfpse_tf.evaluation.image_metric import ImageMetric
from ccfpse_tf.evaluation.image_source import Images, ImageSource
from ccfpse_tf.evaluation.measures import Measures, open_metrics
from ccfpse_tf.evaluation.metrics.feature_distance import REFERENCE
from ccfpse_tf.evaluation.report import draw_iou, paper_line, published
from ccfpse_tf.files.arrays import read_arrays, write_arrays
from ccfpse_tf.files.atomic import write_json
from ccfpse_tf.files.locks import locked
from ccfpse_tf.files.output_folder import check_resumable
from ccfpse_tf.runtime.progress_bar import track

PROTOCOL, PROGRESS, METRICS = "protocol.json", "progress.npz", "metrics.json"
IMAGES, IOU_PICTURE = "images", "iou.png"
LOCK = ".evaluate.lock"
SAVE_SECONDS = 60
PACKAGES = ("ccfpse-tf", "keras", "tensorflow", "numpy", "pillow")


def evaluate(images: Images, measures: Measures, out: Path) -> dict:
    """Measures images; writes ``metrics.json``, ``iou.png`` and the images generated.

    :class:`ImageSource` opens records and run, :func:`open_metrics` opens all metrics
    that are wanted, every image is given to every metric, and the report is made of
    their results.

    Args:
        images: the images to measure.
        measures: the metrics of them.
        out: folder to make, or one of the same evaluation to go on with.

    Returns:
        The content of ``metrics.json``: ``protocol``, ``metrics`` of
        the generated and the real images, ``iou``, ``published``, ``paper_line``.

    Raises:
        InputError: a run without checkpoint, or with a damaged newest one, a folder of
            another evaluation (what differs is named), missing images: anything that
            the user can correct.
    """
    out = Path(out)
    with locked(out / LOCK, "another evaluation is writing"):
        source = ImageSource.open(images)
        # Earlier versions wrote the statistics of the photographs first.
        check_resumable(out, PROTOCOL, "evaluate", beside=REFERENCE)
        with clear_record_errors(source.records):
            return _measure(source, measures, out)


def _measure(source: ImageSource, measures: Measures, out: Path) -> dict:
    metrics = open_metrics(measures, source, out)
    protocol = source.protocol() | {
        name: facts for metric in metrics for name, facts in metric.protocol().items()
    }
    done = _begin(out, protocol, source)
    if done:
        return done
    for metric in metrics:
        metric.prepare()
    position = _load_progress(out, metrics)
    sizes = {metric.label_size for metric in metrics if metric.label_size}
    examples = source.examples(out / IMAGES, position, sizes)
    saved = time.monotonic()
    for example in track(examples, source.count - position, "evaluating"):
        for metric in metrics:
            metric.update(example)
        position += 1
        if time.monotonic() - saved > SAVE_SECONDS:
            _save_progress(out, metrics, position)
            saved = time.monotonic()
    return _finish(out, protocol, metrics, source.description)


def _begin(out, protocol, source) -> dict | None:
    """Writes the protocol or compares it; returns the result if it is there."""
    path = out / PROTOCOL
    if not path.exists():
        source.require_model()  # it must not be named before it was restored
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


def _load_progress(out, metrics) -> int:
    """Gives the metrics back what they had seen; returns how many images that was."""
    path = out / PROGRESS
    if not path.exists():
        return 0
    saved = read_arrays(path)
    for number, metric in enumerate(metrics):
        prefix = f"{number}/"
        metric.restore(
            {
                name.removeprefix(prefix): value
                for name, value in saved.items()
                if name.startswith(prefix)
            }
        )
    return int(saved["position"])


def _save_progress(out, metrics, position):
    arrays = {
        f"{number}/{name}": value
        for number, metric in enumerate(metrics)
        for name, value in metric.state().items()
    }
    write_arrays(out / PROGRESS, arrays | {"position": np.array(position)})


def _finish(out, protocol, metrics: Sequence[ImageMetric], description) -> dict:
    values: dict[str, dict[str, float]] = {}
    iou: dict[str, dict[str, float | None]] = {}
    for metric in metrics:
        for title, found in metric.result().items():
            values.setdefault(title, {}).update(_json(found))
        for title, classes in metric.per_class().items():
            iou[title] = _json(classes)
    result = {
        "protocol": protocol,
        "metrics": values,
        "iou": iou,
        "published": published(description.name),
        "paper_line": paper_line(values["generated"], protocol, description.name),
        "versions": {name: version(name) for name in PACKAGES},
    }
    if iou:
        names = list(next(iter(iou.values())))
        series = {
            title: np.array(list(classes.values()), float)  # None becomes NaN
            for title, classes in iou.items()
        }
        write_image(out / IOU_PICTURE, draw_iou(names, series))
    write_json(out / METRICS, result)
    (out / PROGRESS).unlink(missing_ok=True)
    return result


def _json(values):
    """Replaces what is undefined by null, as JSON does not have NaN."""
    return {name: None if np.isnan(x) else float(x) for name, x in values.items()}
