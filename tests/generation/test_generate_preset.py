"""Galleries of a preset: its own examples, records, label files, wrong wishes."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.config import override
from ccfpse_tf.data.description import read_description
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.gan.build import build_model
from ccfpse_tf.generation.preset_model import PresetModel
from ccfpse_tf.presets.preset import ExampleLayout
from ccfpse_tf.presets.preset_files import read_preset, write_preset
from tests.data.toy import save
from tests.export.exported import png
from tests.layers.contract import randomize
from tests.presets.made import CONFIG, DATA, of_model
from tests.recipes import load

SIZE = (64, 96)


@pytest.fixture(scope="module")
def scenes(repository):
    return load(repository, "scenes")


@pytest.fixture(scope="module")
def records(scenes, tmp_path_factory):
    """Two street scenes for validation, of a size that the preset can draw."""
    folder = tmp_path_factory.mktemp("data") / "records"
    sizes = ["--train", "1", "--val", "2", "--size", "64x96", "--workers", "1"]
    scenes.main(["prepare", "--records", str(folder), *sizes])
    return folder


@pytest.fixture(scope="module")
def preset(records, tmp_path_factory):
    """A preset for street scenes, of a compact generator with random weights."""
    config = override(CONFIG, ["generator.architecture=ccfpse_compact"])
    data = dataclasses.replace(read_description(records), splits={}, prepared={})
    model = build_model(config, data, 1, training=False)
    randomize(model.generator)
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    ids = np.arange(12, dtype=np.uint8).repeat(512).reshape(SIZE)
    example = ExampleLayout(png(ids), png(ids // 3))
    write_preset(folder, of_model(model, config, data=data, layouts=(example,)))
    return folder


@pytest.fixture
def generate(scenes, preset, tmp_path):
    """Calls the command and returns the images, the page and the facts."""
    out = tmp_path / "out"

    def call(*options):
        scenes.main(["generate", "--preset", str(preset), "--out", str(out), *options])
        images = {
            path.name: np.asarray(Image.open(path))
            for path in sorted((out / "images").iterdir())
        }
        facts = json.loads((out / "generated.json").read_text())
        return images, (out / "index.html").read_text(), facts

    return call


def labelled(folder, **shapes):
    """Options for label files and objects of these shapes."""
    for name, shape in shapes.items():
        for kind in ("labels", "instances"):
            save(folder / kind / f"{name}.png", np.ones(shape, np.uint8))
    return "--labels", str(folder / "labels"), "--instances", str(folder / "instances")


def test_it_draws_its_examples_in_its_styles(generate, preset):
    images, page, facts = generate("--styles", "2")
    trained = PresetModel(preset)
    [(label, instance)] = trained.layouts()
    for style, image in zip(trained.preset.styles, images.values(), strict=True):
        wanted = trained.images(label[None], instance[None], style.code[None])[0]
        np.testing.assert_array_equal(image, wanted)
        assert wanted.std() > 1
    assert list(images) == ["example_1_style1.png", "example_1_style2.png"]
    assert "style 2 of the preset" in page and "<img" in page
    assert facts["preset"] == "tiny" and facts["size"] == "64x96"


def test_records_give_layouts_and_styles(generate, records):
    images, page, facts = generate("--records", str(records))
    assert len(images) == 2 and {x.shape for x in images.values()} == {(*SIZE, 3)}
    assert page.count('<figure class="real">') == 2 and "own style" in page
    assert facts["layouts from"] == "val" and facts["size"] == "64x96"
    again, page, _ = generate("--records", str(records), "--style", "preset")
    assert again.keys() == images.keys() and "style 1 of the preset" in page
    assert any((again[name] != images[name]).any() for name in images)


def test_label_files_keep_their_sizes(generate, tmp_path):
    options = labelled(tmp_path, wide=(32, 96), high=(96, 32))
    images, _, facts = generate(*options)
    assert {name: x.shape[:2] for name, x in images.items()} == {
        "wide_style1.png": (32, 96),
        "high_style1.png": (96, 32),
    }
    assert facts["size"] == "32x96, 96x32"
    save(tmp_path / "instances" / "wide.png", np.ones((32, 64), np.uint8))
    with pytest.raises(DataErrors, match=r"wide\.png: is 32x64 .* label map 32x96"):
        generate(*options)


def test_sizes_that_it_cannot_draw_are_named(generate, scenes, tmp_path):
    options = labelled(tmp_path, a=(40, 90), b=(32, 32), c=(10, 64))
    with pytest.raises(DataErrors) as caught:
        generate(*options)
    text = str(caught.value)
    assert "a.png: a layout of 40x90" in text and "crop it to 32x96" in text
    assert "c.png: a layout of 10x64" in text and "b.png" not in text
    records = tmp_path / "records"
    small = ["--train", "1", "--val", "1", "--size", "72x72", "--workers", "1"]
    scenes.main(["prepare", "--records", str(records), *small])
    with pytest.raises(InputError, match="72x72 .* resize or crop it to 64x64, such"):
        generate("--records", str(records))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--styles", "3"], "--styles 3: the preset tiny stores 2"),
        (["--style", "reference"], "use --style preset or"),
        (["--style", "no.png"], "nor an image file; preset takes"),
        (["--split", "val"], "--split val: without --records"),
        (["--instances", "x"], "--instances x: without --labels"),
        (["--preset", "nowhere"], "no such folder"),
    ],
)
def test_wrong_wishes(options, words, generate, tmp_path):
    with pytest.raises(InputError, match=words):
        generate(*options)
    assert not list(tmp_path.iterdir())


def test_a_preset_without_examples(preset, scenes, tmp_path):
    bare = dataclasses.replace(read_preset(preset), layouts=(), styles=())
    write_preset(tmp_path / "bare", bare)
    argv = ["generate", "--preset", str(tmp_path / "bare"), "--out"]
    with pytest.raises(InputError, match="no example layouts: give --records DIR or"):
        scenes.main([*argv, str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_records_of_other_classes(generate, records, tmp_path, monkeypatch):
    data = dataclasses.replace(DATA, splits={})
    monkeypatch.setattr("ccfpse_tf.runs.data_check.read_description", lambda _: data)
    with pytest.raises(InputError, match="(?s)not what tiny knows.*class_names: the"):
        generate("--records", str(records))


@pytest.mark.parametrize(
    ("given", "words"),
    [([], "--run --preset is required"), (["--run", "a"], "not allowed with")],
)
def test_a_run_or_a_preset(given, words, scenes, capsys):
    preset = ["--preset", "b"] if given else []
    with pytest.raises(SystemExit):
        scenes.main(["generate", "--out", "c", *given, *preset])
    assert words in capsys.readouterr().err


def test_a_run_stores_no_styles(tmp_path):
    from ccfpse_tf.generation.sources import RunSource
    from ccfpse_tf.generation.styles import resolve_style
    from ccfpse_tf.runs.run_folder import Run

    with pytest.raises(InputError, match="stores no styles"):
        resolve_style(RunSource(Run(tmp_path, CONFIG)), "preset", 1, photos=True)
