"""Evaluators: label rules, protocols, model files, and what is refused."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.evaluators import (
    IGNORED,
    MIOU_RULES,
    open_evaluator,
    published,
)
from ccfpse_tf.evaluation.evaluators.evaluator import segmenter_ids
from ccfpse_tf.evaluation.evaluators.published import EVALUATORS
from ccfpse_tf.evaluation.networks import weights
from tests.evaluation.networks import segmenter_oracle as oracle
from tests.evaluation.networks.small_segmenters import NETWORKS

PALETTE = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.float32)


def picture(height, width, seed=0):
    shape = (height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def dataset_of(kind):
    (dataset,) = (data for data in DATASETS.values() if data.segmenter == kind)
    return dataset


def small(kind, **options):
    """An evaluator around a small network with random weights."""
    network = NETWORKS[kind]()
    weights.load(network, oracle.random_state(network))
    return EVALUATORS[kind](network, dataset_of(kind), **options)


def test_label_rules_of_the_published_networks():
    city = segmenter_ids(dataset_of("drn"), "identity")
    assert len(city) == 35
    assert [city[i] for i in (7, 8, 11, 23, 24, 28, 31, 33)] == [
        0,
        1,
        2,
        10,
        11,
        15,
        16,
        18,
    ]
    assert {city[i] for i in (*range(7), 9, 10, 14, 15, 16, 18, 29, 30, 34)} == {
        IGNORED
    }
    assert sorted(set(city)) == [*range(19), IGNORED]
    ade = dataset_of("upernet")
    assert segmenter_ids(ade, "shift") == (*range(150), IGNORED)
    assert segmenter_ids(ade, "raw") == (IGNORED, *range(150))
    assert segmenter_ids(dataset_of("deeplab"), "identity") == (*range(182), IGNORED)
    with pytest.raises(ValueError, match="'shift' or 'raw'"):
        segmenter_ids(ade, "identity")


@pytest.mark.parametrize(
    ("kind", "rule", "top"),
    [("drn", "present", 34), ("upernet", "all", 150), ("deeplab", "labelled", 182)],
)
def test_published_evaluators(kind, rule, top):
    judge = small(kind, multi_scale=False)
    assert judge.miou == rule and rule in MIOU_RULES
    assert judge.classes == len(judge.class_names) == len(set(judge.class_names))
    protocol = json.loads(json.dumps(judge.protocol))
    assert protocol["classes"] == judge.classes and protocol["ignored"] == IGNORED
    assert len(protocol["scales"]) == 1
    label = np.array([[0, top]], np.uint8)
    assert judge.labels(label).dtype == np.int32
    for wrong in ([[0, top + 1]], [[-1, 0]]):
        with pytest.raises(InputError, match=rf"labels are 0\.\.{top}"):
            judge.labels(np.array(wrong))
    with pytest.raises(InputError, match="of integers"):
        judge.labels(np.zeros((2, 2), np.float32))
    found = judge.predict(picture(40, 48), (20, 30))
    assert found.shape == (20, 30) and found.dtype == np.int32
    for wrong in (np.zeros((8, 8, 3), np.float32), np.zeros((8, 8), np.uint8)):
        with pytest.raises(InputError, match="type uint8"):
            judge.predict(wrong, (8, 8))


def test_class_names_follow_the_network():
    names = small("drn").class_names
    assert names[0] == "road" and names[18] == "bicycle" and len(names) == 19


def test_several_scales_add_log_probabilities():
    judge, image = small("drn"), picture(24, 33)
    sizes = [x.shape[1:3] for x in judge.inputs(image)]
    assert sizes == [(24, 33), (12, 16), (18, 24), (30, 41), (36, 49), (42, 57)]
    total = 0
    for x in judge.inputs(image):
        maps = np.asarray(judge.network(x))[0]
        for channel in range(maps.shape[-1]):
            resized = Image.fromarray(maps[..., channel].copy())
            resized = resized.resize((33, 24), Image.Resampling.BILINEAR)
            maps_ = np.asarray(resized)
            total += maps_[..., None] * np.eye(maps.shape[-1])[channel]
    np.testing.assert_allclose(judge.scores(image, (24, 33)), total, atol=1e-4)


def test_short_sides_are_rounded_up_and_long_ones_limited():
    judge = small("upernet")
    sizes = [x.shape[1:3] for x in judge.inputs(picture(96, 130))]
    assert sizes == [(320, 416), (384, 512), (480, 640), (544, 736), (608, 832)]
    assert published._upernet_size((100, 500), 300) == (224, 1024)  # 200 x 1000
    assert len(small("upernet", multi_scale=False).protocol["scales"]) == 1


def test_the_older_release_is_fed_without_smoothing():
    network = NETWORKS["upernet"]()
    older = type(network).from_config(network.get_config() | {"normalisation": "caffe"})
    judge = EVALUATORS["upernet"](older, dataset_of("upernet"), multi_scale=False)
    stripes = np.zeros((900, 900, 3), np.uint8)
    stripes[:, ::2] = 255  # every output pixel lies between two of them
    stripes[:, :, 2] = 9
    (found,) = judge.inputs(stripes)
    blue = found[0, :, :, 0] + older.input_rule.mean[0]
    np.testing.assert_allclose(blue, 9, atol=1e-4)
    # 480 of 900 pixels: read at 1.875 i + 0.4375, between a white and a black one.
    red = found[0, 0, :3, 2] + older.input_rule.mean[2]
    np.testing.assert_allclose(red, [143, 175, 207], atol=1e-4)
    assert judge.protocol["release"] == "caffe"
    assert "without smoothing" in judge.protocol["scale_resize"]


def test_the_maximum_over_scales_is_optional():
    one, all_ = small("deeplab", multi_scale=False), small("deeplab")
    image = picture(48, 48)
    assert one.protocol["scales"] == [1.0]
    assert all_.protocol["scales"] == [1.0, 0.5, 0.75]
    difference = all_.scores(image, (6, 6)) - one.scores(image, (6, 6))
    assert difference.max() > 0.01


def test_images_can_be_fed_larger():
    judge, image = small("drn", multi_scale=False, image_size=(32, 64)), picture(16, 32)
    larger = Image.fromarray(image).resize((64, 32), Image.Resampling.BICUBIC)
    plain = small("drn", multi_scale=False)
    expected = plain.predict(np.asarray(larger), (16, 32))
    np.testing.assert_array_equal(judge.predict(image, (16, 32)), expected)
    assert judge.protocol["image_size"] == [32, 64]


def test_weights_are_found_and_named(tmp_path, monkeypatch):
    """From a specification to predictions, with a network of the published kind."""
    network = NETWORKS["upernet"]()
    monkeypatch.setattr(
        "ccfpse_tf.evaluation.evaluators.open.UPerNet",
        lambda normalisation: type(network).from_config(
            network.get_config() | {"normalisation": normalisation}
        ),
    )
    state = oracle.random_state(network)
    is_decoder = ("ppm", "fpn", "conv_last")
    encoder = {n: x for n, x in state.items() if not n.startswith(is_decoder)}
    decoder = {n: x for n, x in state.items() if n.startswith(is_decoder)}
    with pytest.raises(InputError, match="encoder.*found none"):
        open_evaluator(f"upernet:{tmp_path}")
    weights.write_npz(tmp_path / "encoder_epoch_50.npz", encoder)
    weights.write_npz(tmp_path / "decoder_epoch_50.npz", decoder)
    judge = open_evaluator(f"upernet:{tmp_path}", multi_scale=False)
    assert judge.protocol["release"] == "imagenet"
    files = [entry["file"] for entry in judge.protocol["weights"]]
    assert files == ["encoder_epoch_50.npz", "decoder_epoch_50.npz"]
    assert all(len(entry["sha256"]) == 64 for entry in judge.protocol["weights"])
    named = f"upernet:{tmp_path / files[0]},{tmp_path / files[1]}"
    caffe = open_evaluator(named, label_mapping="raw", normalisation="caffe")
    assert caffe.protocol["release"] == "caffe"
    assert caffe.labels(np.array([[0, 1, 150]])).tolist() == [[IGNORED, 0, 149]]
    found = judge.predict(picture(40, 40), (40, 40))
    assert 0 <= found.min() and found.max() < 5
    with pytest.raises(InputError, match="'shift' or 'raw'"):
        open_evaluator(named, label_mapping="identity")


def test_full_networks_complain_of_small_files(tmp_path):
    state = oracle.random_state(NETWORKS["drn"]())
    weights.write_npz(tmp_path / "drn.npz", state)
    with pytest.raises(DataErrors, match=r"problems in .*drn\.npz, read as") as error:
        open_evaluator(f"drn:{tmp_path / 'drn.npz'}")
    assert "seg.bias: shape (5,), expected (19,)" in error.value.problems
    assert "base.5.9.bn3.weight: missing" in error.value.problems


@pytest.mark.parametrize(
    ("spec", "options", "expected"),
    [
        ("drn", {}, "no such file or folder; give drn:FILE"),
        ("pspnet:x.pth", {}, "no such file or folder; give drn:FILE"),
        ("drn:none.npz", {}, "none.npz: no such file"),
        ("upernet:one.npz", {}, "names 1 files"),
        ("drn:x.npz", {"normalisation": "caffe"}, "only two releases of upernet"),
        ("drn:x.npz", {"num_classes": 12}, "35 classes; these have 12"),
    ],
)
def test_what_cannot_be_opened(spec, options, expected):
    with pytest.raises(InputError, match=expected):
        open_evaluator(spec, **options)


def keras_model(size=(None, None), logits=False):
    """Scores by the distance from a palette's colours: a segmenter without training."""
    x = inputs = keras.Input((*size, 3))
    palette = PALETTE / 255
    x = keras.layers.Rescaling(1 / 255)(x)
    x = keras.layers.Conv2D(
        4,
        1,
        kernel_initializer=keras.initializers.Constant(20 * palette.T[None, None]),
        bias_initializer=keras.initializers.Constant(-10 * (palette**2).sum(1)),
    )(x)
    if not logits:
        x = keras.layers.Softmax()(x)
    return keras.Model(inputs, x)


def describe(folder, **entries):
    (folder / "segmenter.json").write_text(json.dumps(entries))


def test_a_keras_file(tmp_path):
    path = tmp_path / "own.keras"
    keras_model().save(path)
    judge = open_evaluator(str(path))
    assert (judge.name, judge.classes, judge.miou) == ("own.keras", 4, "present")
    truth = np.random.default_rng(4).integers(0, 4, (6, 8))
    image = PALETTE[truth].astype(np.uint8)
    np.testing.assert_array_equal(judge.predict(image, (6, 8)), truth)
    larger = judge.predict(image.repeat(2, 0).repeat(2, 1), (12, 16))
    np.testing.assert_array_equal(larger, truth.repeat(2, 0).repeat(2, 1))
    label = np.array([[0, 3, 4, 9, 255]])
    assert judge.labels(label).tolist() == [[0, 3, 255, 255, 255]]
    raw = open_evaluator(str(path), label_mapping="raw")
    assert raw.labels(label).tolist() == [[255, 3, 255, 255, 255]]
    with pytest.raises(InputError, match="below 0"):
        judge.labels(np.array([[-1]]))
    with pytest.raises(InputError, match="choose from identity, shift, raw"):
        open_evaluator(str(path), label_mapping="shifted")
    json.dumps(judge.protocol)


def test_a_described_keras_file(tmp_path):
    path = tmp_path / "own.keras"
    keras_model(logits=True).save(path)
    names = ["nothing", "red", "green", "blue"]
    describe(tmp_path, classes=names, image_size=[4, 4], scores="logits")
    judge = open_evaluator(str(path))
    assert judge.class_names == tuple(names) and judge.input_size == (4, 4)
    blue = np.zeros((9, 7, 3), np.uint8) + np.uint8([0, 0, 255])
    assert judge.predict(blue, (3, 5)).tolist() == [[3] * 5] * 3
    np.testing.assert_allclose(judge.scores(blue, (3, 5)).sum(-1), 1, rtol=1e-5)
    describe(tmp_path, scores="softmax")
    with pytest.raises(InputError, match="do not add up to 1"):
        open_evaluator(str(path)).predict(blue, (9, 7))


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"classes": ["one"]}, "names 1 classes, but the model gives 4"),
        ({"classes": "red"}, "list of names"),
        ({"image_size": [4]}, r"has to be \[height, width\]"),
        ({"image_size": [5, 4]}, r"but the model takes \[4, 6\]"),
        ({"scores": "raw"}, "allowed are softmax, logits"),
    ],
)
def test_wrong_descriptions(tmp_path, entries, expected):
    keras_model((4, 6)).save(tmp_path / "own.keras")
    describe(tmp_path, **entries)
    with pytest.raises(InputError, match=expected):
        open_evaluator(str(tmp_path / "own.keras"))


def test_a_fixed_size_is_fed(tmp_path):
    keras_model((4, 6)).save(tmp_path / "own.keras")
    judge = open_evaluator(str(tmp_path / "own.keras"))
    assert judge.protocol["input"]["size"] == [4, 6]
    image = picture(9, 9)
    fed = Image.fromarray(image).resize((6, 4), Image.Resampling.BICUBIC)
    expected = judge.predict(np.asarray(fed), (9, 9))
    np.testing.assert_array_equal(judge.predict(image, (9, 9)), expected)
    larger = open_evaluator(str(tmp_path / "own.keras"), image_size=(18, 18))
    assert larger.protocol["image_size"] == [18, 18]
    assert larger.predict(image, (9, 9)).shape == (9, 9)


def test_a_saved_model(tmp_path):
    model = keras_model()
    model.export(str(tmp_path / "own"), verbose=False)
    judge = open_evaluator(str(tmp_path / "own"))
    image = picture(10, 12)
    expected = np.argmax(model(image[None].astype(np.float32))[0], -1)
    np.testing.assert_array_equal(judge.predict(image, (10, 12)), expected)
    assert judge.classes == 4


def test_other_files_are_refused(tmp_path):
    (tmp_path / "bad.keras").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"bad\.keras: cannot be read"):
        open_evaluator(str(tmp_path / "bad.keras"))
    with pytest.raises(InputError, match="neither of these"):
        open_evaluator(str(tmp_path))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as a SavedModel"):
        open_evaluator(str(tmp_path / "own"))

    class Plain(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32)])
        def __call__(self, x):
            return {"one": x, "two": x}

    tf.saved_model.save(plain := Plain(), str(tmp_path / "two"), plain.__call__)
    with pytest.raises(InputError, match="1 inputs and 2 outputs"):
        open_evaluator(str(tmp_path / "two"))
