"""The picture of the presets, drawn by a stand-in for their models."""

import numpy as np
import pytest
from PIL import Image

from benchmarks import preset_pictures
from ccfpse_tf.errors import InputError
from ccfpse_tf.presets import shipped
from tests.presets.made import DATA, invented

SIZES = {"small": (16, 24), "large": (32, 24)}
GAP = 4


class Model:
    """Images of a layout are its classes, brighter by the style's first value."""

    def __init__(self, preset):
        self.preset = invented(name=preset)
        self.size = SIZES.get(preset, SIZES["small"])

    def layouts(self):
        label = np.ones(self.size, np.int32)
        return [(label, label), (0 * label, label)]

    def images(self, label, instance, z):
        assert label.shape == instance.shape == (1, *self.size) and (label == 1).all()
        level = 100 + round(20 * float(z[0, 0]))
        return np.full((1, *self.size, 3), level, np.uint8)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Calls the command; returns the picture as RGB."""
    monkeypatch.setattr("ccfpse_tf.generation.preset_model.PresetModel", Model)
    monkeypatch.setattr(preset_pictures, "import_tensorflow", lambda: None)

    def draw(*options):
        path = tmp_path / "presets.jpg"
        assert preset_pictures.main(["--out", str(path), *options]) == 0
        return np.asarray(Image.open(path)).astype(int)

    return draw


def test_a_row_for_each_preset(drawn, capsys):
    picture = drawn("--presets", "a", "b", "--styles", "2")
    assert picture.shape == (2 * 16 + GAP, 3 * 24 + 2 * GAP, 3)
    assert "80x36, " in capsys.readouterr().out
    for top in (0, 16 + GAP):
        # JPEG: about this colour, away from the edges.
        label = picture[top + 4 : top + 12, 8:16]
        assert np.abs(label - DATA.index_palette[1]).max() < 12
        for place, style in enumerate(invented().styles, 1):
            left = place * (24 + GAP)
            level = 100 + round(20 * float(style.code[0]))
            image = picture[top + 4 : top + 12, left + 8 : left + 16]
            assert np.abs(image - level).max() < 12


def test_without_names_it_draws_all_that_ship(drawn, monkeypatch):
    presets = {"aerial": "", "scenes": ""}
    monkeypatch.setattr(shipped, "shipped_presets", lambda: presets)
    monkeypatch.setattr(
        preset_pictures, "row_of", lambda name, _: [np.zeros((8, len(name), 3), "u1")]
    )
    assert drawn("--styles", "1").shape == (2 * 8 + GAP, 6, 3)
    presets.clear()
    with pytest.raises(InputError, match="ships no presets: name folders by --pres"):
        drawn()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--presets", "a", "--styles", "0"], "must be 1 or more"),
        (["--presets", "a", "--styles", "3"], "a: has 2 styles, --styles 3"),
        (["--presets", "small", "large", "--styles", "1"], "several sizes"),
    ],
)
def test_wrong_wishes(options, words, drawn, tmp_path):
    with pytest.raises(InputError, match=words):
        drawn(*options)
    assert not list(tmp_path.iterdir())


def test_faults_are_parts_with_captions(drawn, monkeypatch):
    faults = (("first fault", 0, (4, 2, 6)), ("second fault", 1, (0, 0, 8)))
    monkeypatch.setattr(preset_pictures, "FAULTS", {"a": faults})
    picture = drawn("--faults", "a")
    edge = preset_pictures.ENLARGED
    assert picture.shape == (edge + preset_pictures.CAPTION, 2 * edge, 3)
    for place, style in enumerate(invented().styles[:2]):
        level = 100 + round(20 * float(style.code[0]))
        part = picture[8 : edge - 12, place * edge + 8 : (place + 1) * edge - 12]
        assert np.abs(part - level).max() < 12
        assert picture[edge + 2 :, place * edge : (place + 1) * edge].min() < 60
