"""The trainable segmenter: what it learns, resumes, writes and refuses."""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.data.records import read_description
from ccfpse_tf.errors import Diverged, InputError
from ccfpse_tf.evaluation.evaluators import open_evaluator
from ccfpse_tf.evaluation.metrics.confusion import ConfusionMatrix
from ccfpse_tf.evaluation.segmenter import train_segmenter as module
from ccfpse_tf.evaluation.segmenter import trainer as segmenter_training
from ccfpse_tf.evaluation.segmenter.config import SegmenterConfig
from ccfpse_tf.evaluation.segmenter.train_segmenter import train_segmenter
from ccfpse_tf.evaluation.segmenter.trainer import (
    Classes,
    Trainer,
    weighted_cross_entropy,
)
from tests.data.toy import folder_argv, save

SIZE = (32, 64)
CONFIG = SegmenterConfig(
    width=8,
    image_size=SIZE,
    steps=30,
    batch_size=4,
    learning_rate=5e-3,
    zoom=1.2,
    checkpoint_every=10,
    log_every=10,
)


def make_blocks(root, count):
    """Writes photos whose colours tell the class of each block, and their labels."""
    colors = np.array([[40, 60, 200], [200, 180, 40], [30, 160, 60], [0, 0, 0]])
    random = np.random.default_rng(0)
    for number in range(count):
        label = np.zeros(SIZE, np.uint8)
        for value in (1, 2):
            top, left = random.integers(0, [16, 40])
            label[top : top + 16, left : left + 24] = value
        noise = random.normal(0, 12, (*SIZE, 3))
        image = (colors[label] + noise).clip(0, 255).astype(np.uint8)
        label[:3] = 255  # nobody knows
        save(root / "image" / f"{number}.png", image)
        save(root / "label" / f"{number}.png", label)
    return root


def small_model(backbone, width, image_size, classes, weights):
    """With all that a state has: weights, batch statistics, a random number's seed."""
    layers = keras.layers
    stack = [layers.Rescaling(1 / 255), layers.Conv2D(width, 3, padding="same")]
    stack += [layers.BatchNormalization(), layers.Dropout(0.3)]
    stack += [layers.Conv2D(classes, 1), layers.Softmax()]
    return keras.Sequential([keras.Input((*image_size, 3)), *stack])


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blocks")
    argv = folder_argv(make_blocks(folder / "files", 15), folder / "records")
    sizes = ["--size", "32x64", "--load-size", "34x68", "--val-fraction", "0.2"]
    prepare.main("folder", [*argv, *sizes])
    return folder / "records"


@pytest.fixture(
    scope="module",
    params=["small", pytest.param("deeplabv3plus", marks=pytest.mark.slow)],
)
def trained(request, records, tmp_path_factory):
    """The output folder of a training, and everything that it printed."""
    out = tmp_path_factory.mktemp("trained") / "segmenter"
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "small":
            patch.setattr(module, "build_segmentation_model", small_model)
        patch.setattr("builtins.print", lambda *words, **_: lines.append(words[0]))
        content = train_segmenter(CONFIG, records, out)
    assert json.loads((out / "segmenter.json").read_text()) == content
    return out, lines


def state_of(out):
    return out.with_name(f".{out.name}.training")


def test_its_folder_is_an_evaluator_with_the_ids_of_the_files(trained, records):
    evaluator = open_evaluator(str(trained[0]))
    assert evaluator.name == "segmenter.keras"
    assert evaluator.file_ids == (0, 1, 2)
    assert evaluator.palette == read_description(records).palette


def test_it_learns(trained):
    out, lines = trained
    losses = [
        float(line.split("loss ")[1].split()[0]) for line in lines if "loss" in line
    ]
    assert len(losses) == 3 and losses[-1] < 0.7 * losses[0]
    score = json.loads((out / "segmenter.json").read_text())["validation"]
    assert score["images"] == 3 and set(score["iou"]) == {
        f"class {i}" for i in (0, 1, 2)
    }
    for measure in ("mean_iou", "pixel_accuracy"):
        assert score[measure] > score["majority_class"][measure] + 0.1


def test_the_folder_says_what_it_is(trained, records):
    out, _ = trained
    assert {path.name for path in out.iterdir()} == {
        "segmenter.keras",
        "segmenter.json",
    }
    assert not state_of(out).exists()
    content = json.loads((out / "segmenter.json").read_text())
    assert content["classes"] == list(read_description(records).class_names)
    assert (content["image_size"], content["scores"]) == ([32, 64], "softmax")
    assert content["trained"]["config"]["steps"] == 30
    assert content["trained"]["records"]["images"] == {"train": 12, "val": 3}


def test_the_saved_model_gives_the_same_score(trained, records):
    out, _ = trained
    model = keras.models.load_model(out / "segmenter.keras")
    assert model.input_shape == (None, *SIZE, 3)
    values = model(np.full((2, *SIZE, 3), 90, np.float32))
    assert values.dtype == "float32"
    np.testing.assert_allclose(np.sum(values, -1), 1, rtol=1e-5)
    content = json.loads((out / "segmenter.json").read_text())
    again = module._validate(model, CONFIG, records, read_description(records))
    assert again == content["validation"]


def test_a_killed_training_goes_on_to_equal_weights(
    records, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(module, "build_segmentation_model", small_model)
    train_segmenter(CONFIG, records, tmp_path / "whole")
    whole = Trainer.save

    def save_once(self, path):
        whole(self, path)
        raise KeyboardInterrupt

    out = tmp_path / "segmenter"
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save", save_once)
        with pytest.raises(KeyboardInterrupt):
            train_segmenter(CONFIG, records, out)
    assert not out.exists() and (state_of(out) / "state.npz").exists()
    others = dataclasses.replace(CONFIG, learning_rate=1e-3, log_every=5)
    with pytest.raises(InputError, match="learning_rate: was 0.005, is 0.001") as error:
        train_segmenter(others, records, out)
    assert "log_every" not in str(error.value)
    train_segmenter(dataclasses.replace(CONFIG, log_every=7), records, out)
    assert "resumed at step 10 of 30" in capsys.readouterr().out
    models = [
        keras.models.load_model(folder / "segmenter.keras")
        for folder in (tmp_path / "whole", out)
    ]
    for first, second in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(first, second)


def test_damaged_states_are_told(records, tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Dense(2)])
    trainer = Trainer(model, CONFIG, np.ones(2, np.float32))
    path = tmp_path / "state.npz"
    trainer.restore(path)  # there is none yet
    trainer.save(path)
    other = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Dense(3)])
    with pytest.raises(InputError, match="cannot be restored"):
        Trainer(other, CONFIG, np.ones(3, np.float32)).restore(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match="state.npz: cannot be restored"):
        trainer.restore(path)
    model.weights[0].assign(np.full((3, 2), np.nan))
    with pytest.raises(Diverged, match="lower rate"):
        trainer.save(path)


@pytest.mark.parametrize("name", ["segmenter.json", "holiday.jpg"])
def test_existing_folders_are_refused(name, records, tmp_path, monkeypatch):
    save(tmp_path / "out" / "photo.png", np.zeros((2, 2, 3), np.uint8)).rename(
        tmp_path / "out" / name
    )
    with pytest.raises(InputError, match="nothing in this one is touched"):
        train_segmenter(CONFIG, records, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="while you are in it"):
        train_segmenter(CONFIG, records, Path("."))


def test_too_few_or_too_small_images_are_told(records, tmp_path):
    for change, words in (
        ({"batch_size": 13}, "12 images, batch size 13"),
        ({"image_size": (64, 64)}, "image size 64x64 is larger"),
    ):
        with pytest.raises(InputError, match=words):
            train_segmenter(
                dataclasses.replace(CONFIG, **change), records, tmp_path / "out"
            )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("place", "expected"), [(1, [0, -1, 1]), (None, [0, 1, 2])])
def test_classes_leave_dont_care_out_wherever_it_stands(place, expected, records):
    description = dataclasses.replace(
        read_description(records),
        num_classes=2 if place else 3,
        dont_care_index=place,
    )
    classes = Classes(description)
    assert classes.count == max(expected) + 1
    np.testing.assert_array_equal(classes.of(tf.constant([[0, 1, 2]])), [expected])


def test_rare_classes_weigh_more(records):
    classes = Classes(read_description(records))
    for balance in (0.0, 0.5):
        config = dataclasses.replace(CONFIG, balance=balance)
        weights = segmenter_training.class_weights(config, records, classes)
        if not balance:
            np.testing.assert_array_equal(weights, 1)
    # Class 2 lies over class 1; most pixels are of class 0.
    assert weights[0] < weights[2] <= weights[1] and np.median(weights) == 1


def test_cross_entropy_by_hand():
    probabilities = tf.constant([[[[0.5, 0.5], [0.2, 0.8]], [[0.9, 0.1], [0.3, 0.7]]]])
    targets = tf.constant([[[0, 1], [1, -1]]])
    loss = weighted_cross_entropy(probabilities, targets, tf.constant([1.0, 3.0]))
    expected = -(np.log(0.5) + 3 * np.log(0.8) + 3 * np.log(0.1)) / 7
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    nothing = tf.fill([1, 2, 2], -1)
    assert weighted_cross_entropy(probabilities, nothing, tf.ones(2)) == 0


def test_scores_by_hand():
    truth = np.array([0, 0, 0, 1, 1, -1])
    found = np.array([0, 0, 1, 1, 2, 0])
    matrix = ConfusionMatrix(3)
    matrix.update(truth, found, module.IGNORED)
    np.testing.assert_array_equal(matrix.matrix, [[2, 1, 0], [0, 1, 1], [0, 0, 0]])
    scores = module._scores(matrix, ("a", "b", "c"))
    assert scores["iou"] == {"a": 2 / 3, "b": 1 / 3, "c": None}
    assert scores["mean_iou"] == pytest.approx(0.5)
    assert scores["pixel_accuracy"] == 0.6
    assert scores["majority_class"] == {
        "name": "a",
        "mean_iou": 0.3,
        "pixel_accuracy": 0.6,
    }
    nothing = module._scores(ConfusionMatrix(3), ("a", "b", "c"))
    assert nothing["mean_iou"] is None
