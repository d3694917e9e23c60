"""Precisions, sizes and the command line of exports, without writing SavedModels."""

import json

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.commands.recipe import main
from ccfpse_tf.config import Config
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.comparison import drawn_by
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.portable import ENDINGS, ask, check_file, write_portable
from ccfpse_tf.export.sizes import Sizes, choose_sizes
from ccfpse_tf.export.stored_weights import quantized
from ccfpse_tf.export.version_writer import save
from ccfpse_tf.models.generators.ccfpse_compact import CompactGenerator
from tests.export.exported import label_png, layouts, moved_model, pixels, table
from tests.recipes import TINY, load
from tests.small_model import SIZE, small_model


@pytest.fixture(scope="module")
def requests():
    label, instance = (np.stack(maps) for maps in zip(*layouts(2), strict=True))
    z = np.random.default_rng(4).standard_normal((2, 4)).astype(np.float32)
    inputs = {"label": label, "instance": instance, "z": z}
    return {name: tf.constant(value) for name, value in inputs.items()}


def _endpoints(model, precision="float32", size=None):
    sizes = choose_sizes(model.generator, size)
    return Endpoints(model, table(), sizes, precision, "{}")


def _bytes(endpoints):
    variables = endpoints.weights.module.variables
    return sum(v.shape.num_elements() * v.dtype.size for v in variables)


def test_kernels_in_bytes():
    kernel = np.array([[127.0, -0.5], [63.4, 0.25], [0, 0]], np.float32)
    kernel = np.concatenate([kernel, np.zeros((3, 1), np.float32)], 1)
    found, scale = quantized(kernel)
    assert found.tolist() == [[127, -127, 0], [63, 64, 0], [0, 0, 0]]
    np.testing.assert_allclose(scale, [1, 0.5 / 127, 1 / 127], rtol=1e-6)


@pytest.mark.parametrize(
    ("precision", "share", "largest"),
    [
        pytest.param("float32", 1, 1, marks=pytest.mark.slow),
        pytest.param("bfloat16", 0.5, 4, marks=pytest.mark.slow),
        ("int8-weights", 0.25, 4),
    ],
)
def test_precisions(precision, share, largest, tiny_model, requests):
    whole, endpoints = _endpoints(tiny_model), _endpoints(tiny_model, precision)
    # Of the tiny model, what is not a kernel is an eighth.
    assert share <= _bytes(endpoints) / _bytes(whole) < share + 0.2
    found = endpoints.synthesize(**requests)["image"].numpy().astype(int)
    wanted = drawn_by(tiny_model, requests)
    difference = np.abs(found - wanted)
    assert difference.max() <= largest and difference.mean() <= largest / 10
    assert difference.max() or precision == "float32"
    assert wanted.std() > 5


def _maps(size, count=1):
    rows, columns = np.indices(size)
    label = ((rows // 8 + columns // 16) % 3).astype(np.int32)
    return np.stack([label] * count)


def test_models_without_style_refuse_some_sizes():
    endpoints = _endpoints(small_model(z_dim=0), size="any")
    maps = tf.zeros((1, 70, 64), tf.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="70x64 .*multiples of 32"):
        endpoints.synthesize(label=maps, instance=maps)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one size"):
        endpoints.serve(
            label_bytes=tf.constant([label_png(_maps(s)[0]) for s in (SIZE, (64, 64))]),
            instance_bytes=tf.constant([b""] * 2),
            seed=tf.zeros(2, tf.int64),
        )


@pytest.mark.slow
def test_models_without_style_draw_any_size(tmp_path):
    model = moved_model(z_dim=0)
    save(_endpoints(model, size="any"), tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures
    assert set(served) == {"serving_default", "synthesize", "describe"}
    for size in ((64, 96), (96, 64), (160, 192)):
        label = _maps(size, 3)
        inputs = {"label": tf.constant(label), "instance": tf.constant(label * 5)}
        found = served["synthesize"](**inputs)["image"].numpy().astype(int)
        wanted = drawn_by(model, inputs)
        assert np.abs(found - wanted).max() <= 1 and wanted.std() > 5
        answer = served["serving_default"](
            label_bytes=tf.constant([label_png(label[0])]),
            instance_bytes=tf.constant([b""]),
            seed=tf.constant([1], tf.int64),
        )
        found = pixels(answer["image_bytes"].numpy()[0])
        assert np.abs(found - wanted[0]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bfloat16", "int8-weights"])
def test_precisions_as_saved_models(precision, tiny_model, requests, tmp_path):
    endpoints = _endpoints(tiny_model, precision)
    save(endpoints, tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["synthesize"]
    found = served(**requests)["image"].numpy().astype(int)
    wanted = endpoints.synthesize(**requests)["image"].numpy()
    # Rounding to bfloat16 may happen elsewhere in a graph than step by step.
    assert np.abs(found - wanted).max() <= (4 if precision == "bfloat16" else 1)


@pytest.mark.parametrize(
    ("height", "width", "drawn"),
    [(32, 64, True), (33, 64, False), (0, 64, False), (2**16, 2**16, False)],
)
def test_any_size_has_its_limits(height, width, drawn):
    sizes = Sizes(None, 32)
    for kind in (tf.int32, tf.int64):
        found = sizes.passed(tf.constant(height, kind), tf.constant(width, kind))
        assert bool(found) == drawn


@pytest.mark.parametrize(
    ("size", "words"),
    [("any", "makes 64x96 only"), ((64, 64), "--size 64x64: a model with style code")],
)
def test_sizes_that_a_style_code_rules_out(size, words, tiny_model):
    with pytest.raises(InputError, match=words):
        choose_sizes(tiny_model.generator, size)
    assert choose_sizes(tiny_model.generator, SIZE) == Sizes(SIZE, 32)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--out", "models/3"], "3 looks like a version; .*MODELS/ccfpse"),
        (["--out", "models/my model"], "letters, digits"),
        (["--out", "models/m", "--size", "64"], "--size 64: write HEIGHTxWIDTH"),
        (["--out", "models/m"], "is not a run folder"),
        (["--out", "m.tf", "--target", "litert"], r"name it \*\.tflite"),
        (["--out", "m.onnx", "--target", "onnx", "--precision", "bfloat16"], "float32"),
    ],
)
def test_what_the_command_refuses(options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        main("folder", Config(name="x"), {}, "", ["export", "--run", "run", *options])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the converters' own
@pytest.mark.parametrize(
    ("target", "packages"),
    [("onnx", ["tf2onnx", "onnxruntime"]), ("litert", ["ai_edge_litert"])],
)
def test_files_for_other_runtimes(target, packages, tiny_model, requests, tmp_path):
    for package in packages:
        pytest.importorskip(package)
    path = tmp_path / f"model{ENDINGS[target]}"
    endpoints = _endpoints(tiny_model)
    check_file(target, path)
    write_portable(endpoints, target, path)
    wanted = endpoints.synthesize(**requests)["image"].numpy().astype(int)
    for count in (1, 2):
        inputs = {name: value.numpy()[:count] for name, value in requests.items()}
        found = ask(path)(inputs)
        assert found.shape == (count, *SIZE, 3) and found.dtype == np.uint8
        assert np.abs(found - wanted[:count]).max() <= 1
    with pytest.raises(InputError, match="exists"):
        check_file(target, path)


@pytest.mark.slow
def test_a_run_is_exported_by_its_recipe(repository, tmp_path, capsys):
    scenes = load(repository, "scenes")
    records, run, out = (str(tmp_path / name) for name in ("records", "run", "m/tiny"))
    scenes.main(["prepare", "--records", records, "--train", "4", "--val", "3"])
    tiny = [*TINY, "schedule.epochs=1", "generator.average_decay=0.9"]
    scenes.main(
        ["train", "--smoke", "--records", records, "--run", run, "--set", *tiny]
    )
    for number in (1, 2):
        scenes.main(["export", "--run", run, "--out", out])
        assert f"exported {out}/{number}: float32" in capsys.readouterr().out
    facts = json.loads((tmp_path / "m/tiny/2/assets.extra/export.json").read_text())
    assert facts["difference"]["largest"] <= 1 and facts["difference"]["images"] == 3
    served = tf.saved_model.load(f"{out}/2").signatures
    one = tf.constant([1], tf.int64)
    said = json.loads(served["describe"](format=one)["description_bytes"].numpy()[0])
    assert (said["name"], said["step"], len(said["examples"])) == ("scenes", 2, 3)


def test_compact_models_draw_any_size_with_a_style_code_too():
    generator = CompactGenerator(4, SIZE, z_dim=4)
    assert choose_sizes(generator, "any") == Sizes(None, 32)
    assert choose_sizes(generator, (96, 32)) == Sizes((96, 32), 32)
    with pytest.raises(InputError, match="--size 70x64: both edges must be multiples"):
        choose_sizes(generator, (70, 64))
