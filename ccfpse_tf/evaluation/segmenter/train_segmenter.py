"""Trains a segmenter on the real pairs of any records, to evaluate generated images.

Its folder holds ``segmenter.keras``, which maps float32 RGB of 0..255 to class
probabilities, and ``segmenter.json``, which says what it was trained on and how well it
does on the real validation images: the score that generated ones are compared with.
"""

import dataclasses
import json
import random
import shutil
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf

from ccfpse_tf.data.description import FILE_NAME
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.data.records import Description, read_description
from ccfpse_tf.errors import Diverged, InputError
from ccfpse_tf.evaluation.evaluators.model_file import DESCRIPTION as FACTS_FILE
from ccfpse_tf.evaluation.evaluators.model_file import MODEL_FILE
from ccfpse_tf.evaluation.metrics.confusion import ConfusionMatrix
from ccfpse_tf.evaluation.segmenter.config import SegmenterConfig
from ccfpse_tf.evaluation.segmenter.network import (
    build_segmentation_model,
    for_inference,
)
from ccfpse_tf.evaluation.segmenter.trainer import (
    IGNORED,
    Classes,
    Trainer,
    class_weights,
    diverged,
    to_pixels,
    training_stream,
)
from ccfpse_tf.files.atomic import new_folder, write_json
from ccfpse_tf.files.digests import sha256_of_files
from ccfpse_tf.files.locks import RUN_LOCK, TRAINING, locked
from ccfpse_tf.files.output_folder import refuse_working_folder
from ccfpse_tf.runtime.progress_bar import duration, track

PACKAGES = ("ccfpse-tf", "keras", "keras-cv", "tensorflow", "numpy")
FREE_KEYS = {"checkpoint_every", "log_every"}  # no step of the training depends on them
_STATE, _ASKED = "state.npz", "asked.json"


def train_segmenter(config: SegmenterConfig, records: Path, out: Path) -> dict:
    """Trains on the ``train`` split, scores on ``val``, and writes the folder ``out``.

    Until it is done, everything is in the hidden folder ``.NAME.training`` next to
    ``out``; after an interruption the same call goes on from there, and ends with the
    same weights as without one.

    Args:
        config: with an image size.
        records: folder that `prepare` wrote.
        out: folder to make.

    Returns:
        The facts in ``segmenter.json``.

    Raises:
        InputError: anything in the way at ``out``, another training in progress there,
            records that do not fit, diverged losses.
    """
    out = Path(out).resolve()
    _refuse_existing(out)
    description = read_description(records)
    work = out.with_name(f".{out.name}.training")
    with locked(work / RUN_LOCK, TRAINING), clear_record_errors(records):
        facts = _trained_facts(config, records, description)
        _compare(work, facts)
        trainer = _open_trainer(config, records, Classes(description), work)
        # Only now: what cannot be trained must leave nothing behind.
        write_json(work / _ASKED, facts)
        stream = training_stream(config, records, Classes(description), trainer.step)
        _steps(trainer, stream, config, work)
        content = {
            "classes": list(description.class_names),
            "label_ids": list(description.class_ids),
            "palette": [list(color) for color in description.palette],
            "image_size": list(config.image_size),
            "scores": "softmax",
            "trained": facts,
            "validation": _validate(trainer.model, config, records, description),
        }
        _write(out, trainer.model, content)
    shutil.rmtree(work, ignore_errors=True)
    return content


def _refuse_existing(out):
    refuse_working_folder(out)
    if out.is_dir() and any(out.iterdir()):
        found = "a trained segmenter" if (out / FACTS_FILE).exists() else "other files"
        raise InputError(
            f"--out {out} holds {found}; name another folder, nothing in this one is "
            "touched"
        )
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")


def _trained_facts(config, records, description: Description) -> dict:
    facts = {
        "config": dataclasses.asdict(config),
        "records": {
            "name": description.name,
            "label_mapping": description.label_mapping,
            "images": {name: x.count for name, x in description.splits.items()},
            FILE_NAME + " sha256": sha256_of_files(Path(records) / FILE_NAME),
        },
        "versions": {name: version(name) for name in PACKAGES},
    }
    return json.loads(json.dumps(facts))  # as it is read back


def _compare(work, facts):
    """Keeps the folder of an interrupted training for the same training."""
    path = work / _ASKED
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        differences = [
            f"{part} {key}: was {before[part].get(key)!r}, is {value!r}"
            for part in ("config", "records")
            for key, value in facts[part].items()
            if before[part].get(key) != value and key not in FREE_KEYS
        ]
    except FileNotFoundError:
        differences = []
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged ({error!r}); delete {work}") from error
    if differences:
        raise InputError(
            f"{work} holds an interrupted training with other settings:\n  "
            + "\n  ".join(differences)
            + "\nGive those to go on with it, name another --out, or delete that folder"
        )


def _open_trainer(config, records, classes, work) -> Trainer:
    # Keras draws the seeds of its initialisers from Python's generator.
    random.seed(config.seed)
    model = build_segmentation_model(
        config.backbone,
        config.width,
        config.image_size,
        classes.count,
        config.backbone_weights,
    )
    training_stream(config, records, classes)  # complains of records that do not fit
    trainer = Trainer(model, config, class_weights(config, records, classes))
    trainer.restore(work / _STATE)
    _announce(config, model, records, classes, trainer.step)
    return trainer


def _announce(config, model, records, classes, start):
    description, size = classes.description, "x".join(map(str, config.image_size))
    print(
        f"data      {description.name}: {description.splits['train'].count} training "
        f"images, {classes.count} classes, from {records}"
    )
    print(
        f"segmenter {config.backbone}, {model.count_params() / 1e6:.2f} M parameters, "
        f"{config.batch_size} images of {size} per step"
    )
    done = f"resumed at step {start} of {config.steps}" if start else config.steps
    print(f"steps     {done}", flush=True)


def _steps(trainer, stream, config, work):
    """Trains to the last step, printing and saving as often as the config says."""
    logged = []
    began, begun_at = time.monotonic(), trainer.step
    for step, (pixels, targets) in enumerate(
        stream.take(config.steps - begun_at), begun_at + 1
    ):
        logged.append(trainer.train(pixels, targets))
        if step % config.log_every == 0 or step == config.steps:
            loss, accuracy = np.mean(np.array(logged), axis=0)
            if not np.isfinite(loss):
                raise Diverged(diverged(f"step {step}: the loss is {loss}"))
            pace = (time.monotonic() - began) / (step - begun_at)
            print(
                f"step {step}/{config.steps}  loss {loss:.3f}  accuracy "
                f"{accuracy:.3f}  {config.batch_size / pace:.3g} images/s  "
                f"{duration(pace * (config.steps - step))} left",
                flush=True,
            )
            logged = []
        if step % config.checkpoint_every == 0 or step == config.steps:
            trainer.save(work / _STATE)


def _validate(model, config, records, description) -> dict | None:
    """The score on real images; None where the records have no validation split."""
    if "val" not in description.splits:
        return None
    classes = Classes(description)
    matrix = ConfusionMatrix(classes.count)
    count = description.splits["val"].count
    predict = tf.function(lambda pixels: tf.argmax(model(pixels, training=False), -1))
    images = evaluation_dataset(records, config.image_size, 1)
    for example in track(images, count, "scoring"):
        found = predict(to_pixels(example["image"])).numpy()
        matrix.update(classes.of(example["label"]).numpy(), found, IGNORED)
    return {"split": "val", "images": count, **_scores(matrix, description.class_names)}


def _scores(matrix, names) -> dict:
    """Scores of a confusion matrix, and of who always says the most frequent class."""
    truth = matrix.matrix.sum(axis=1)
    if not truth.any():
        return {"mean_iou": None, "pixel_accuracy": None, "iou": {}}
    share = float(truth.max() / truth.sum())
    return {
        "mean_iou": matrix.mean_iou("labelled"),
        "pixel_accuracy": matrix.pixel_accuracy("labelled"),
        "iou": {
            name: float(value) if there else None
            for name, value, there in zip(names, matrix.iou(), truth > 0, strict=True)
        },
        "majority_class": {
            "name": names[int(truth.argmax())],
            "mean_iou": share / int((truth > 0).sum()),
            "pixel_accuracy": share,
        },
    }


def _write(out, model, content: Mapping):
    with new_folder(out) as aside:
        for_inference(model).save(aside / MODEL_FILE)
        write_json(aside / FACTS_FILE, content)
