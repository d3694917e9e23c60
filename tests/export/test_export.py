"""An exported model makes the images of the trained one, and refuses wrong inputs."""

import base64
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf import saved_model_pb2

from ccfpse_tf.data.transforms import normalize_image, resize_image, to_uint8
from ccfpse_tf.export.images import decode_photos, resize_photos
from ccfpse_tf.export.version_writer import write_version
from tests.export.exported import label_png, layouts, pixels, png
from tests.small_model import SIZE

COUNT = 3


@pytest.fixture(scope="module")
def photos():
    random = np.random.default_rng(3)
    return random.integers(0, 256, (COUNT, *SIZE, 3), np.uint8)


def _requests(photos):
    """Three rows for each signature, and what the model itself is to be given."""
    label, instance = (np.stack(maps) for maps in zip(*layouts(COUNT), strict=True))
    label_bytes = np.array([label_png(x) for x in label], object)
    # The second row has no instance map.
    instance_bytes = np.array([png(x.astype(np.uint8)) for x in instance], object)
    instance_bytes[1] = b""
    maps = {"label_bytes": label_bytes, "instance_bytes": instance_bytes}
    arrays = {"label": label, "instance": instance}
    seed = np.array([5, -6, 2**40])
    z = np.random.default_rng(4).standard_normal((COUNT, 4)).astype(np.float32)
    style_bytes = np.array([png(photo) for photo in photos], object)
    return {
        "serving_default": maps | {"seed": seed},
        "stylize_bytes": maps | {"style_bytes": style_bytes},
        "synthesize": arrays | {"z": z},
        "synthesize_bytes": maps | {"z": z},
        "stylize": arrays | {"style_image": photos},
        "encode": {"image": photos},
        "describe": {"format": np.ones(COUNT, np.int64)},
    }


def _expected(model, requests):
    inputs = requests["synthesize"]
    label, instance = inputs["label"], inputs["instance"]
    without = np.concatenate([instance[:1], label[1:2], instance[2:]])
    noise = [
        tf.random.stateless_normal((4,), [seed, 0], alg="philox")
        for seed in requests["serving_default"]["seed"]
    ]
    photo = normalize_image(requests["encode"]["image"])
    mean, log_variance = (x.numpy() for x in model.encode(photo))

    def draw(instance, z):
        return to_uint8(model.synthesize(label, instance, np.asarray(z))).numpy()

    return {
        "serving_default/image_bytes": draw(without, noise),
        "stylize_bytes/image_bytes": draw(without, mean),
        "synthesize/image": draw(instance, inputs["z"]),
        "synthesize_bytes/image_bytes": draw(without, inputs["z"]),
        "stylize/image": draw(instance, mean),
        "encode/mean": mean,
        "encode/log_variance": log_variance,
    }


@pytest.mark.parametrize(
    "loader", ["python", pytest.param("session", marks=pytest.mark.slow)]
)
def test_plain_tensorflow_draws_the_same(
    loader, tiny_model, tiny_export, photos, tmp_path
):
    requests, arrays = _requests(photos), {}
    for signature, inputs in requests.items():
        for key, value in inputs.items():
            arrays[f"{signature}/all/{key}"] = value
            arrays[f"{signature}/one/{key}"] = value[1:2]
    np.savez(tmp_path / "requests.npz", **arrays)
    program = Path(__file__).with_name("plain_tensorflow.py")
    files = [tmp_path / "requests.npz", tmp_path / "answers.npz"]
    subprocess.run(
        [sys.executable, program, loader, tiny_export.folder, *files],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        check=True,
    )
    expected = _expected(tiny_model, requests)
    with np.load(files[1], allow_pickle=True) as answers:
        found = dict(answers)
    for name, value in found.items():
        signature, case, key = name.split("/")
        if key == "description_bytes":
            assert [json.loads(x) for x in value] == [tiny_export.description] * len(
                value
            )
            continue
        wanted = expected[f"{signature}/{key}"]
        wanted = wanted if case == "all" else wanted[1:2]
        if signature == "encode":
            np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5)
            continue
        if key == "image_bytes":
            value = np.stack([pixels(x) for x in value])
        assert value.shape == (len(wanted), *SIZE, 3)
        assert np.abs(value.astype(int) - wanted).max() <= 1, name
    assert len(found) == 2 * 8
    images = expected["synthesize/image"]
    assert images.std() > 5 and np.abs(np.diff(images.astype(int), axis=0)).max() > 5


def test_nothing_of_the_training_is_left(tiny_model, tiny_export):
    content = (tiny_export.folder / "saved_model.pb").read_bytes()
    [graph] = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    functions = graph.graph_def.library.function
    nodes = [*graph.graph_def.node, *(n for f in functions for n in f.node_def)]
    assert len(nodes) > 1000
    words = ("PyFunc", "Collective", "Nccl", "Xla")
    assert [n.op for n in nodes if any(word in n.op for word in words)] == []
    keys = {key for holder in (*functions, *nodes) for key in holder.attr}
    assert [k for k in keys if "Xla" in k or "gradient" in k] == []
    assert "custom" not in str(keys).lower()
    names = dict(
        tf.train.list_variables(str(tiny_export.folder / "variables/variables"))
    )
    names.pop("_CHECKPOINTABLE_OBJECT_GRAPH")
    weights = [*tiny_model.generator.weights, *tiny_model.encoder.weights]
    found = sorted(tuple(shape) for shape in names.values())
    assert found == sorted(tuple(weight.shape) for weight in weights)
    # Weights are not in the graph as constants, either.
    assert len(content) < 4e6


def test_what_it_says_of_itself(tiny_export):
    said = tiny_export.description
    assert (said["format"], said["step"], said["image_size"]) == (1, 12, [64, 96])
    assert (said["z_dim"], said["instances"], said["any_size"]) == (4, True, False)
    assert said["classes"][2] == {
        "index": 2,
        "file_id": 300,
        "name": "high",
        "color": "#fa0000",
    }
    for example, (label, instance) in zip(said["examples"], layouts(2), strict=True):
        ids, objects = (
            pixels(base64.b64decode(example[key]))
            for key in ("label_bytes", "instance_bytes")
        )
        assert (np.array([7, 8, 300])[label] == ids).all()
        assert (np.diff(objects) != 0).tolist() == (np.diff(instance) != 0).tolist()
    difference = tiny_export.facts["difference"]
    assert difference["largest"] <= 1 and difference["mean"] < 1e-3
    assert difference["images"] == 2


GOOD = label_png(layouts(1)[0][0])
FLAT = np.full(SIZE, 7, np.uint8)


def _with(row, column, value):
    ids = FLAT.astype(np.uint16)
    ids[row, column] = value
    return png(ids)


def _bomb(height, width):
    """A header that promises more than the kilobyte after it holds."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk
    return head + struct.pack(">I", zlib.crc32(chunk)) + b"\0" * 1000


def _damaged(encoded, place):
    """One bit is another."""
    changed = bytearray(encoded)
    changed[place] ^= 1
    return bytes(changed)


def _jpeg():
    file = io.BytesIO()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ([_with(3, 4, 9)], r"label_bytes\[0\]: id 9 at row 3, column 4; .*7..8, 300"),
        ([GOOD, _with(63, 95, 65535)], r"\[1\]: id 65535 at row 63, column 95"),
        ([b""], r"label_bytes\[0\] is not a PNG"),
        ([GOOD, b"not an image"], r"label_bytes\[1\] is not a PNG"),
        ([GOOD[:200]], "PNG"),
        (
            [GOOD, GOOD[:-30]],
            r"label_bytes\[1\] is a PNG that cannot be decoded: .* cut",
        ),
        ([GOOD, GOOD, GOOD[:-12]], r"label_bytes\[2\] is a PNG that cannot be decoded"),
        ([GOOD, _damaged(GOOD, -14)], r"label_bytes\[1\] is a PNG that cannot"),
        ([_damaged(GOOD, 60), GOOD[:-30]], r"label_bytes\[0\] is a PNG that cannot"),
        ([png(FLAT[:32])], r"\[0\] is 32x96 .* generates 64x96 only; resize it"),
        ([_bomb(2**31 - 1, 2**31 - 1)], r"is 2147483647x2147483647 .*64x96 only"),
        ([_bomb(64, 96)], r"label_bytes\[0\] is a PNG that cannot be decoded"),
        (
            [png(np.zeros((*SIZE, 3), np.uint8))],
            r"not a grey PNG .*colour type 2, 8 bits",
        ),
        ([png(FLAT > 7)], r"colour type 0, 1 bits"),
        ([], "label_bytes is an empty batch"),
    ],
)
def test_label_maps_that_are_refused(label, words, tiny_served):
    count = len(label)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        tiny_served["serving_default"](
            label_bytes=tf.constant(label, tf.string),
            instance_bytes=tf.constant([b""] * count, tf.string),
            seed=tf.zeros(count, tf.int64),
        )


def _inputs(**changes):
    label, instance = layouts(1)[0]
    label[0, 0] = 0
    inputs = {
        "label_bytes": [GOOD],
        "instance_bytes": [b""],
        "style_bytes": [png(np.zeros((9, 9, 3), np.uint8))],
        "label": label[None],
        "instance": instance[None],
        "z": np.zeros((1, 4), np.float32),
        "image": np.zeros((1, 9, 9, 3), np.uint8),
        "seed": np.zeros(1, np.int64),
        "format": np.ones(1, np.int64),
    }
    return inputs | {"style_image": inputs["image"]} | changes


def _changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("signature", "changes", "words"),
    [
        (
            "serving_default",
            {"instance_bytes": [png(FLAT[:, :32])]},
            r"instance_bytes\[0\] is 64x32",
        ),
        (
            "serving_default",
            {"instance_bytes": [b"x"]},
            r"instance_bytes\[0\] is not a PNG",
        ),
        (
            "serving_default",
            {"seed": np.zeros(2, np.int64)},
            r"different numbers of rows \(1, 1, 2\)",
        ),
        ("synthesize_bytes", {"z": np.ones((1, 3), np.float32)}, "z has 3 values"),
        ("synthesize_bytes", {"z": np.full((1, 4), np.nan, "f")}, "holds NaN"),
        ("synthesize_bytes", {"label_bytes": [b"x"]}, r"label_bytes\[0\] is not a PNG"),
        ("stylize_bytes", {"style_bytes": [b"GIF89a"]}, "neither PNG nor JPEG"),
        (
            "serving_default",
            {"instance_bytes": [GOOD[:-30]]},
            r"instance_bytes\[0\] is a PNG that cannot be decoded",
        ),
        ("stylize_bytes", {"style_bytes": [GOOD[:99]]}, "PNG"),
        (
            "stylize_bytes",
            {"style_bytes": [GOOD[:-30]]},
            r"style_bytes\[0\] is a PNG or JPEG that cannot be decoded",
        ),
        (
            "stylize_bytes",
            {"style_bytes": [_jpeg()[:-30]]},
            r"style_bytes\[0\] is a PNG or JPEG that cannot be decoded: .* cut short",
        ),
        ("stylize_bytes", {"style_bytes": [b"\xff\xd8\xff\xe0"]}, "(?i)jpeg"),
        (
            "stylize_bytes",
            {"style_bytes": [_bomb(60000, 60000)]},
            r"style_bytes\[0\] has 60000x60000 pixels, more than",
        ),
        (
            "synthesize",
            {"label": _changed(_inputs()["label"], (0, 5, 6), 3)},
            r"label\[0 5 6\] is 3; class indices are 0..2",
        ),
        (
            "synthesize",
            {"label": _changed(_inputs()["label"], (0, 0, 0), -1)},
            r"label\[0 0 0\] is -1",
        ),
        ("synthesize", {"label": np.zeros((1, 32, 32), np.int32)}, "label is 32x32"),
        (
            "synthesize",
            {"instance": np.zeros((1, 32, 32), np.int32)},
            r"instance \[1 32 32\]",
        ),
        (
            "synthesize",
            {"z": np.zeros((1, 5), np.float32)},
            "z has 5 values .* takes 4",
        ),
        (
            "synthesize",
            {"z": np.full((1, 4), np.nan, np.float32)},
            r"z\[0\] holds NaN",
        ),
        (
            "stylize",
            {"style_image": np.zeros((1, 9, 9, 4), np.uint8)},
            r"style_image has the shape \[1 9 9 4\]",
        ),
        ("encode", {"image": np.zeros((1, 0, 9, 3), np.uint8)}, "image has the shape"),
        ("describe", {"format": np.full(1, 2, np.int64)}, r"format\[0\] is 2; .* in 1"),
    ],
)
def test_inputs_that_are_refused(signature, changes, words, tiny_served):
    function = tiny_served[signature]
    names = function.structured_input_signature[1]
    given = {key: tf.constant(value) for key, value in _inputs(**changes).items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        function(**{name: given[name] for name in names})


@pytest.mark.parametrize("size", [(150, 230), (40, 50), SIZE])
def test_photos_are_resized_as_those_of_the_training(size):
    rough = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    photo = resize_image(rough, size)
    found = resize_photos(tf.constant(photo[None]), SIZE).numpy()[0].astype(int)
    difference = np.abs(found - resize_image(photo, SIZE))
    assert difference.max() <= (size != SIZE) and difference.mean() < 0.1


def test_photos_are_png_or_jpeg():
    rough = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    photo = resize_image(rough, (80, 100))
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=90)
    files = [file.getvalue(), png(photo), png(photo[..., 0])]
    found = decode_photos(tf.constant(files), "style_bytes", SIZE).numpy().astype(int)
    for encoded, image in zip(files, found, strict=True):
        own = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
        assert np.abs(image - resize_image(own, SIZE)).max() <= 2


def test_versions_are_never_overwritten(tmp_path):
    base = tmp_path / "model"
    (base / "7").mkdir(parents=True)
    (base / "notes").write_text("mine")

    def fill(aside):
        (aside / "saved_model.pb").write_text("new")

    def name(aside, number):
        if number == 8:  # somebody else was quicker
            (base / "8").mkdir()

    assert write_version(base, fill, name) == base / "9"
    assert (base / "9" / "saved_model.pb").read_text() == "new"
    assert not any((base / "7").iterdir()) and not any((base / "8").iterdir())

    def failing(aside):
        fill(aside)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_version(base, failing, name)
    assert sorted(path.name for path in base.iterdir()) == ["7", "8", "9", "notes"]
