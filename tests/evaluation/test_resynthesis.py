"""``ccfpse resynthesise``: drawn anomalies are found, and what is refused."""

import csv
import json
import types

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.config import Config, override
from ccfpse_tf.data.image_files import read_label
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.resynthesis import Resynthesiser
from ccfpse_tf.evaluation.resynthesis_folder import resynthesise
from ccfpse_tf.generation import sources
from tests.data.toy import save
from tests.evaluation import tiny
from tests.presets.made import described

HEIGHT, WIDTH = tiny.SIZE
RED = (200, 20, 20)  # of no class; by its mean the network takes it for one


class Painter:
    """Stands in for a run: it paints every class in its grey, and adds noise."""

    kind, name, has_encoder = "run", "painter", False
    config = override(Config(name="folder"), ["data.image_size=64x64"])
    model_ = types.SimpleNamespace(z_dim=0)

    def __init__(self, *names):
        self.names = names or [f"class {index}" for index in range(tiny.CLASSES)]

    def description(self, records=None):
        return described(*self.names, instances=False)

    def model(self, description):
        return types.SimpleNamespace(model=self.model_, images=self.images)

    def images(self, label, instance, z):
        assert instance is None and z is None
        painted = tiny.GREYS[label % tiny.CLASSES]
        noise = np.random.default_rng(0).integers(-20, 21, (*label.shape, 3))
        return np.clip(painted[..., None] + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    return str(tiny.make_segmenter(tmp_path_factory.mktemp("segmenter")))


@pytest.fixture
def photos(tmp_path):
    """Two photos of squares, with a disc on each that no class looks like."""
    random = np.random.default_rng(1)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for number in range(2):
        classes = random.integers(0, tiny.CLASSES, (4, 4)).repeat(16, 0).repeat(16, 1)
        photo = tiny.GREYS[classes][..., None].repeat(3, -1).astype(np.uint8)
        disc = (rows - 30 - number) ** 2 + (columns - 20) ** 2 < 81
        photo[disc] = RED
        save(tmp_path / "photos" / f"p{number}.png", photo)
        save(tmp_path / "masks" / f"p{number}.png", disc.astype(np.uint8) * 255)
    return tmp_path / "photos"


def draw(photos, segmenter, source=None, masks=True, **options):
    made = Resynthesiser(source or Painter(), segmenter, distance="colour", **options)
    masks = photos.parent / "masks" if masks else None
    return resynthesise(made, [photos], photos.parent / "out", masks=masks)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def rows_of(folder):
    with (folder / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_drawn_anomalies_are_found(photos, segmenter):
    found = draw(photos, segmenter)
    out = photos.parent / "out"
    assert found == json.loads((out / "resynthesised.json").read_text())
    assert (found["photos"], found["distance"]) == (2, "colour")
    assert found["auroc"] > 0.99
    rows = rows_of(out)
    assert [row["photo"] for row in rows] == ["p0", "p1"]
    for row in rows:
        assert float(row["auroc"]) > 0.99
        assert float(row["inside"]) > 5 * float(row["outside"])
        assert 0.05 < float(row["anomalous_share"]) < 0.08
    difference = pixels(out / "differences/p0.png").astype(float)
    disc = pixels(photos.parent / "masks/p0.png") > 0
    assert difference[disc].mean() > 5 * difference[~disc].mean()
    assert "Photos drawn anew" in (out / "index.html").read_text()


def test_label_maps_hold_the_ids_of_label_files(photos, segmenter):
    # The model has the classes in another order; its files count from 7.
    names = ["other", "class 3", "class 2", "class 1", "class 0"]
    draw(photos, segmenter, Painter(*names))
    label = read_label(photos.parent / "out/labels/p1.png")
    photo = pixels(photos / "p1.png")
    plain = (photo != RED).any(-1)
    classes = np.searchsorted(tiny.GREYS, photo[plain][:, 0])
    np.testing.assert_array_equal(label[plain], 7 + 4 - classes)


def test_photos_without_masks_and_of_another_size(photos, segmenter):
    save(photos / "large.png", np.zeros((100, 160, 3), np.uint8))
    found = draw(photos, segmenter, masks=False)
    assert "auroc" not in found and found["photos"] == 3
    row = rows_of(photos.parent / "out")[0]
    assert row["photo"] == "large" and float(row["mean"]) > 0
    assert row["auroc"] == row["inside"] == ""
    image = pixels(photos.parent / "out/images/large.png")
    assert image.shape == (HEIGHT, WIDTH, 3)


def test_everything_wrong_is_named_and_nothing_is_lost(photos, segmenter):
    draw(photos, segmenter)
    before = {p: p.read_bytes() for p in (photos.parent / "out").rglob("*.*")}
    (photos / "p0.png").write_bytes(b"no image")
    save(photos.parent / "masks/p1.png", np.zeros((8, 9), np.uint8))
    save(photos / "p2.png", np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(DataErrors) as raised:
        draw(photos, segmenter)
    message = str(raised.value)
    assert "p0.png" in message and "masks/p2.png: missing mask" in message
    assert "masks/p1.png: is 8x9 (height x width), its photo" in message
    assert {p: p.read_bytes() for p in (photos.parent / "out").rglob("*.*")} == before


def test_classes_that_the_model_lacks_are_refused(segmenter):
    with pytest.raises(InputError, match="--evaluator .*knows class 2, class 3, not"):
        Resynthesiser(Painter("class 0", "class 1"), segmenter)


def test_styles_are_those_of_the_photos(photos, segmenter):
    class Styled(Painter):
        has_encoder = True
        model_ = types.SimpleNamespace(
            z_dim=3, encode=lambda x: (np.mean(x, (1, 2)), np.full((1, 3), 9.0))
        )
        styles = []

        def images(self, label, instance, z):
            self.styles.append(z)
            return super().images(label, instance, None)

    source = Styled()
    draw(photos, segmenter, source)
    photo = pixels(photos / "p0.png").mean((0, 1)) / 127.5 - 1
    np.testing.assert_allclose(source.styles[0], photo[None], atol=1e-5)
    source.has_encoder = False
    draw(photos, segmenter, source)
    np.testing.assert_array_equal(source.styles[-1], np.zeros((1, 3)))


def command(photos, segmenter, run):
    argv = ["resynthesise", str(photos), "--run", str(run), "--evaluator", segmenter]
    argv += ["--distance", "colour", "--masks", str(photos.parent / "masks")]
    return main.run([*argv, "--out", str(photos.parent / "out")])


def test_the_command_says_what_was_found(photos, segmenter, monkeypatch, capsys):
    monkeypatch.setattr(sources.RunSource, "open", lambda directory: Painter())
    assert command(photos, segmenter, "run") == 0
    said = capsys.readouterr().out
    page = photos.parent / "out/index.html"
    assert f"2 photos drawn anew, compared by colour: {page}" in said
    assert "AUROC of the masks' pixels: 1.000 (0.5 is chance)" in said


@pytest.mark.slow
def test_the_command_with_a_run(photos, segmenter, tmp_path):
    run = tiny.make_run(tiny.make_records(tmp_path / "data"), tmp_path / "run")
    assert command(photos, segmenter, run) == 0
    first = pixels(tmp_path / "out/images/p0.png")
    assert first.shape == (HEIGHT, WIDTH, 3) and first.std() > 0
    assert command(photos, segmenter, run) == 0  # replaces its own, without noise
    np.testing.assert_array_equal(pixels(tmp_path / "out/images/p0.png"), first)


def test_records_do_not_belong_to_a_preset(tmp_path):
    argv = ["resynthesise", str(tmp_path), "--preset", "scenes_256"]
    argv += ["--evaluator", "x", "--out", str(tmp_path / "out"), "--records", "y"]
    with pytest.raises(InputError, match="--records y: a preset knows its own"):
        main.run(argv)
