"""Confusion matrices, mIoU and accuracies, computed by hand."""

import math

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.confusion import ConfusionMatrix

# Class 3 is predicted but never there, class 4 neither; 255 three times.
LABELS = np.array([[0, 0, 0, 1], [1, 1, 2, 255], [2, 2, 255, 255]], np.uint8)
PREDICTIONS = np.array([[0, 0, 1, 1], [1, 3, 2, 2], [2, 0, 0, 1]], np.uint8)
#        predicted: 0  1  2  3  4
MATRIX = [
    [2, 1, 0, 0, 0],
    [0, 2, 0, 1, 0],
    [1, 0, 2, 0, 0],
    [0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0],
]
IOU = [2 / 4, 2 / 4, 2 / 3, 0, math.nan]


@pytest.fixture
def confusion():
    result = ConfusionMatrix(5)
    result.update(LABELS, PREDICTIONS)
    return result


def test_by_hand(confusion):
    assert confusion.matrix.dtype == np.int64
    assert confusion.matrix.tolist() == MATRIX
    assert confusion.dont_care == 3
    np.testing.assert_array_equal(confusion.iou(), IOU)
    assert confusion.mean_iou("present") == pytest.approx((1 + 2 / 3) / 4, abs=1e-15)
    assert confusion.mean_iou("labelled") == pytest.approx((1 + 2 / 3) / 3, abs=1e-15)
    assert confusion.mean_iou("all") == pytest.approx((1 + 2 / 3) / 5, abs=1e-10)
    assert confusion.pixel_accuracy("labelled") == 6 / 9
    assert confusion.pixel_accuracy("all") == 6 / 12


def equal(one, other):
    return one.dont_care == other.dont_care and np.array_equal(one.matrix, other.matrix)


def test_order_shards_and_interruptions_change_nothing():
    rng = np.random.default_rng(0)
    labels = rng.choice([*range(0, 19, 2), 255], (12, 16, 20)).astype(np.uint8)
    predictions = rng.integers(0, 19, labels.shape)  # odd classes are never there
    whole = ConfusionMatrix(19)
    whole.update(labels, predictions)
    slow = np.zeros((19, 19), int)
    for label, prediction in zip(labels.ravel(), predictions.ravel(), strict=True):
        if label != 255:
            slow[label, prediction] += 1
    assert np.array_equal(whole.matrix, slow)
    shards = [ConfusionMatrix(19) for _ in range(3)]
    for i in rng.permutation(12):
        shards[i % 3].update(labels[i], predictions[i])
        # Saved after every image, and taken up again.
        shards[i % 3] = ConfusionMatrix.from_state(shards[i % 3].state())
    merged = shards[2]
    merged.merge(shards[0])
    merged.merge(shards[1])
    assert equal(merged, whole)
    assert merged.mean_iou("labelled") == whole.mean_iou("labelled")
    assert not np.isnan(whole.iou()).any()


def test_a_state_is_a_copy(confusion):
    state = confusion.state()
    confusion.update(LABELS, PREDICTIONS)
    assert state["matrix"].tolist() == MATRIX and state["dont_care"] == 3


@pytest.mark.parametrize("rule", ["present", "labelled", "all"])
def test_without_ground_truth_there_is_no_miou(rule):
    confusion = ConfusionMatrix(3)
    assert math.isnan(confusion.mean_iou(rule))
    confusion.update(np.full((2, 4), 255), np.zeros((2, 4), int))
    assert math.isnan(confusion.mean_iou(rule))
    assert np.isnan(confusion.iou()).all()


def test_accuracy_without_ground_truth():
    confusion = ConfusionMatrix(3)
    assert math.isnan(confusion.pixel_accuracy("labelled"))
    assert math.isnan(confusion.pixel_accuracy("all"))
    confusion.update(np.full((2, 4), 255), np.zeros((2, 4), int))
    assert math.isnan(confusion.pixel_accuracy("labelled"))
    assert confusion.pixel_accuracy("all") == 0  # eight pixels, all counted wrong


def test_a_single_image_of_one_class():
    confusion = ConfusionMatrix(150)
    confusion.update(np.full((4, 4), 7), np.full((4, 4), 7))
    assert confusion.mean_iou("present") == confusion.mean_iou("labelled") == 1
    assert confusion.mean_iou("all") == pytest.approx(1 / 150, abs=1e-12)
    assert confusion.pixel_accuracy("labelled") == 1


def test_another_id_for_no_ground_truth_or_none():
    confusion = ConfusionMatrix(2)
    confusion.update(np.array([-1, 0, 1]), np.array([0, 0, 0]), ignore=-1)
    confusion.update(np.array([1]), np.array([1]), ignore=None)
    assert confusion.matrix.tolist() == [[1, 0], [1, 1]] and confusion.dont_care == 1
    with pytest.raises(InputError, match=r"label 255 at \(0,\): allowed are 0 to 1$"):
        confusion.update(np.array([255]), np.array([1]), ignore=None)


def changed(array, place, value, dtype=np.int64):
    array = array.astype(dtype)
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        (
            changed(LABELS, (1, 2), 5),
            PREDICTIONS,
            r"aachen: label 5 at \(1, 2\): .*4",
        ),
        (changed(LABELS, (0, 1), -1), PREDICTIONS, r"label -1 at \(0, 1\)"),
        (LABELS, changed(PREDICTIONS, (2, 3), 255), r"prediction 255 at \(2, 3\)"),
        (LABELS, changed(PREDICTIONS, (2, 3), -2), r"prediction -2 at \(2, 3\)"),
        (LABELS / 1, PREDICTIONS, "labels are float64; class ids are integers"),
        (LABELS, PREDICTIONS / 1, "predictions are float64"),
        (LABELS[1:], PREDICTIONS, r"shape \(2, 4\), predictions \(3, 4\)"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_counted(
    labels, predictions, message, confusion
):
    with pytest.raises(InputError, match=message):
        confusion.update(labels, predictions, name="aachen")
    assert confusion.matrix.tolist() == MATRIX and confusion.dont_care == 3


def test_wrong_names_and_states(confusion):
    with pytest.raises(ValueError, match="'mean': choose from present, labelled, all"):
        confusion.mean_iou("mean")
    with pytest.raises(ValueError, match="'ignored': choose from labelled, all"):
        confusion.pixel_accuracy("ignored")
    with pytest.raises(ValueError, match="counts of 4 classes into 5"):
        confusion.merge(ConfusionMatrix(4))
    for broken, message in (
        ({"dont_care": np.int64(0)}, "has no 'matrix'"),
        ({"matrix": np.zeros((2, 3), int), "dont_care": np.int64(0)}, r"\(2, 3\)"),
        ({"matrix": np.eye(2), "dont_care": np.int64(0)}, "not counts"),
        ({"matrix": -np.eye(2, dtype=int), "dont_care": np.int64(0)}, "not counts"),
        ({"matrix": np.eye(2, dtype=int), "dont_care": np.zeros(1, int)}, r"\(1,\)"),
    ):
        with pytest.raises(InputError, match=message):
            ConfusionMatrix.from_state(broken)
