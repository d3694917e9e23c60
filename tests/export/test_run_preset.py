"""A run written as a preset."""

import dataclasses
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import recipe
from ccfpse_tf.config import override
from ccfpse_tf.data.description import read_description
from ccfpse_tf.data.image_files import read_ids
from ccfpse_tf.data.pipeline import evaluation_dataset
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.data.transforms import map_labels
from ccfpse_tf.errors import InputError
from ccfpse_tf.export.comparison import drawn_by
from ccfpse_tf.export.preset_styles import far_apart
from ccfpse_tf.export.run_preset import PresetOptions, preset_of_run
from ccfpse_tf.export.scores import read_scores
from ccfpse_tf.gan import methods
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.generation.preset_model import PresetModel
from ccfpse_tf.presets.model_card import CardDetails, model_card
from ccfpse_tf.presets.preset_files import read_preset
from ccfpse_tf.runs.checkpoint_folder import digest_of
from ccfpse_tf.runs.checkpoints import CheckpointStore
from ccfpse_tf.runs.run_folder import identity, make_run
from tests.data.toy import folder_argv, make_folder
from tests.presets.made import CONFIG, described, invented
from tests.small_model import SIZE

CARD = "Drawn by **a test**; anybody may use it.\n"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    make_folder(folder / "photos", 6, SIZE, classes=3, instances=True)
    argv = folder_argv(folder / "photos", folder / "records", "--keep-size")
    prepare.main("folder", argv)
    return folder / "records"


@pytest.fixture(scope="module")
def model(records, tiny_model):
    """The small model as a run's config builds it."""
    model = build_model(CONFIG, read_description(records), 1, training=False)
    for name in ("generator", "encoder"):
        networks = getattr(model, name), getattr(tiny_model, name)
        for mine, theirs in zip(*(x.weights for x in networks), strict=True):
            mine.assign(theirs)
    return model


@pytest.fixture(scope="module")
def run(records, model, tmp_path_factory):
    """A run with a checkpoint of that model."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    config = override(CONFIG, [f"data.records={records}"])
    run = make_run(folder, config, identity(read_description(records)))
    CheckpointStore(model, run.checkpoints).save()
    return folder


def command(run, out, *options):
    argv = ["preset", "--run", str(run), "--out", str(out), *map(str, options)]
    return recipe.main("folder", CONFIG, {}, None, argv)


@pytest.fixture(scope="module")
def evaluated(run):
    """The run with an evaluation of its checkpoint."""
    out = run / "evaluation"
    out.mkdir()
    protocol = {
        "data": "photos",
        "split": "val",
        "images": 6,
        "run": str(run.resolve()),
        "checkpoint": "ckpt-0",
        "checkpoint_sha256": digest_of(run / "checkpoints" / "ckpt-0"),
    }
    scores = {"generated": {"mean_iou": 0.3125}}
    found = {"protocol": protocol, "metrics": scores, "paper_line": "mIoU 31.2 (...)"}
    (out / "metrics.json").write_text(json.dumps(found))
    return out


@pytest.fixture(scope="module")
def written(run, model, evaluated, tmp_path_factory):
    """The folder of its preset."""
    folder = tmp_path_factory.mktemp("presets")
    (folder / "card.md").write_text(CARD)
    options = ["--title", "A tiny model", "--card", folder / "card.md"]
    with pytest.MonkeyPatch.context() as patch:  # to build it once is enough
        built = "ccfpse_tf.generation.trained_model.build_uncompiled_model"
        patch.setattr(built, lambda *_, **__: model)
        assert command(run, folder / "tiny", *options) == 0
    return folder / "tiny"


@pytest.fixture(scope="module")
def preset(written):
    return read_preset(written)


def test_the_facts(preset, records, tiny_model):
    assert (preset.name, preset.title, preset.step) == ("tiny", "A tiny model", 0)
    assert (preset.config.generator, preset.config.data.records) == (
        CONFIG.generator,
        "",
    )
    assert preset.data.class_names == read_description(records).class_names
    assert (preset.data.splits, preset.data.prepared) == ({}, {})
    networks = tiny_model.generator, tiny_model.encoder
    assert len(preset.weights) == sum(len(network.weights) for network in networks)
    assert 0 <= preset.difference["mean"] <= preset.difference["largest"] <= 3
    assert preset.difference["images"] == 4


def test_styles_are_those_of_photos(preset, records, tiny_model):
    photos = evaluation_dataset(records, SIZE, 1, split="train")
    codes = {
        photo["key"][0].numpy().decode(): tiny_model.encode(photo["image"])[0][0]
        for photo in photos
    }
    assert 2 <= len(preset.styles) <= 6
    for number, style in enumerate(preset.styles, 1):
        np.testing.assert_allclose(style.code, codes[style.source], atol=2e-2)
        with Image.open(f"{preset.source}/style_{number:02}.png") as picture:
            assert (picture.size, picture.mode) == ((96, 64), "RGB")


def test_layouts_are_those_of_the_data(preset):
    for number in (1, 2):
        label, instance = (
            read_ids(f"{preset.source}/layout_{number}{name}.png")
            for name in ("", "_instance")
        )
        assert set(np.unique(label)) == set(preset.data.label_ids)
        assert label.shape == instance.shape == SIZE


def test_the_card(preset):
    for words in (
        "# A tiny model",
        CARD.strip(),
        "| method | CC-FPSE, ngf 2, depth 5 |",
        "| images (height x width) | 64x96 |",
        ": images 6 (train) |",
        '"mean_iou": 0.3125',
        "mIoU 31.2 (...)",
        'from_preset("tiny")',
        "(4 layouts)",
    ):
        assert words in preset.card
    assert "{" not in preset.card.replace('{\n "mean_iou"', "")


def test_a_card_without_statement_and_scores():
    config = dataclasses.replace(CONFIG, preset="old 0123", teacher="big, step 7")
    difference = {"largest": 2, "mean": 0.5, "images": 4}
    data = described("sky", "road")
    preset = invented(config=config, data=data, difference=difference, step=9)
    method = methods.method_of(config)
    card = model_card(preset, method, data, "64x96, and no other", CardDetails())
    for words in (
        "did not state them",
        "| started from the preset | old 0123 |",
        "| learnt from the run | big, step 7 |",
        "three: images not counted",
        "Classes: sky, road.",
        "No evaluation of this checkpoint was at hand",
        "differ by 0.5000 grey levels",
    ):
        assert words in card


def test_it_draws_as_the_run_did(written, preset, tiny_model):
    opened = PresetModel(written)
    assert (opened.step, opened.description) == (0, preset.data)
    label = np.arange(3, dtype=np.int32).repeat(SIZE[0] * 32).reshape(3, 32, 64)
    label = np.concatenate(label).T[None].repeat(1, 0)[:, :, :96]
    x = {"label": label, "instance": label, "z": preset.styles[0].code[None]}
    images = opened.images(x["label"], x["instance"], x["z"])
    assert images.shape == (1, *SIZE, 3) and images.dtype == np.uint8
    assert np.abs(images - drawn_by(tiny_model, x)).max() <= 3
    with pytest.raises(InputError, match="32x32 .* draws one size: .* to 64x96"):
        opened.images(label[:, :32, :32], label[:, :32, :32], x["z"])


def test_what_the_command_prints(run, written, preset, capsys, monkeypatch):
    sizes = {path.name: path.stat().st_size for path in written.iterdir()}
    monkeypatch.setattr(
        "ccfpse_tf.export.run_preset.preset_of_run", lambda *_: (preset, sizes)
    )
    command(run, "out")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("kB  weights.npz") and len(lines) == len(sizes) + 1
    assert "preset out: tiny, step 0" in lines[-1] and "grey levels" in lines[-1]


def refused(run, out, words, **options):
    with pytest.raises(InputError, match=words):
        preset_of_run(run, out, PresetOptions(**options))


def test_wrong_input_is_refused_before_anything_is_built(run, tmp_path, monkeypatch):
    def build(*_, **__):
        raise AssertionError("a model was built")

    monkeypatch.setattr("ccfpse_tf.export.run_preset.TrainedModel", build)
    out = tmp_path / "out"
    refused(run, out, "has letters, digits", name="a b")
    refused(run, out, "no best checkpoint", best=True)
    refused(run, out, "card.md: cannot be read", card=tmp_path / "card.md")
    refused(run, out, "--instances belongs to --labels", instances=tmp_path)
    refused(run, out, "this model needs instance maps", labels=tmp_path)
    refused(tmp_path, out, "is not a run folder")
    assert not out.exists()
    (tmp_path / "thesis.tex").write_text("mine")
    refused(run, tmp_path, "holds files that `preset` did not write", name="a")


def test_layouts_may_be_ones_own(run, model, preset, tmp_path, monkeypatch):
    built = "ccfpse_tf.generation.trained_model.build_uncompiled_model"
    monkeypatch.setattr(built, lambda *_, **__: model)
    ids = np.full(SIZE, list(preset.data.label_ids)[1], np.uint8)
    for name in ("labels", "instances"):
        (tmp_path / name).mkdir()
        Image.fromarray(ids).save(tmp_path / name / "mine.png")
    given = [
        x for name in ("labels", "instances") for x in (f"--{name}", tmp_path / name)
    ]
    assert command(run, tmp_path / "tiny", *given) == 0
    np.testing.assert_array_equal(read_ids(tmp_path / "tiny" / "layout_1.png"), ids)
    assert not (tmp_path / "tiny" / "layout_2.png").exists()


def test_with_graphs_for_onnx_runtime(run, model, tmp_path, monkeypatch):
    built = "ccfpse_tf.generation.trained_model.build_uncompiled_model"
    monkeypatch.setattr(built, lambda *_, **__: model)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "tf2onnx", None)
        with pytest.raises(InputError, match=r"^--onnx needs tf2onnx: pip install"):
            command(run, tmp_path / "tiny", "--onnx")
    assert not (tmp_path / "tiny").exists()
    graphs = {"model.onnx": b"a graph", "encoder.onnx": b"another"}
    module = "ccfpse_tf.export.run_preset."
    monkeypatch.setattr(module + "require_converter", lambda: None)
    monkeypatch.setattr(module + "preset_graphs", lambda *_: graphs)
    assert command(run, tmp_path / "tiny", "--onnx") == 0
    assert read_preset(tmp_path / "tiny").graphs == graphs


def test_scores_of_other_weights(run, evaluated, tmp_path):
    checkpoint = run / "checkpoints" / "ckpt-0"
    assert read_scores(evaluated, checkpoint)["line"] == "mIoU 31.2 (...)"
    found = json.loads((evaluated / "metrics.json").read_text())
    path = tmp_path / "metrics.json"
    for change, words in (
        ({"protocol": {"checkpoint": "ckpt-7"}}, "is about ckpt-7, not .*ckpt-0"),
        ({"protocol": {"folder": "x"}}, "is about images of a folder, not"),
        ({"metrics": {}}, "is damaged"),
        ({"protocol": 7}, "is damaged"),
    ):
        path.write_text(json.dumps(found | change))
        with pytest.raises(InputError, match=f"metrics.json: {words}"):
            read_scores(tmp_path, checkpoint)


def test_what_hubs_read_of_the_card(preset, run):
    _, metadata, card = preset.card.split("---\n", 2)
    for line in (
        "library_name: ccfpse-tf",
        "pipeline_tag: image-to-image",
        "metrics: [mean_iou]",
        "  - task:",
        "      value: 0.3125",
        "        images: 6",
    ):
        assert line in metadata.splitlines(), metadata
    assert "license" not in metadata and str(run) not in preset.card
    assert "The metadata of this card name no licence and no data set" in card
    assert "](picture.jpg)" in card


def test_the_picture_shows_layouts_and_images(preset):
    with Image.open(io.BytesIO(preset.picture)) as picture:
        shown = min(3, len(preset.styles)) + 1
        assert picture.format == "JPEG"
        assert picture.size == (shown * 96 + (shown - 1) * 8, 2 * 64 + 8)
        pixels = np.asarray(picture).astype(int)
    colors = np.array(preset.data.index_palette)
    ids = read_ids(Path(preset.source) / "layout_1.png")
    indices = map_labels(ids, preset.data.label_ids)
    # Stripes of one pixel, whose colours JPEG mixes.
    apart = pixels[:64, :96].mean((0, 1)) - colors[indices].mean((0, 1))
    assert np.abs(apart).max() < 12


def test_styles_are_far_apart():
    codes = np.array([[0, 0], [9, 0], [1, 1], [0, 8], [0, 0], [9, 1]], float)
    first, *others = far_apart(codes, 3)
    assert first == 2  # the nearest to the mean
    assert others == [1, 3] or others == [5, 3]
    assert sorted(far_apart(codes, 99)) in ([0, 1, 2, 3, 5], [1, 2, 3, 4, 5])
    assert far_apart(np.ones((4, 2)), 3) == [0]
