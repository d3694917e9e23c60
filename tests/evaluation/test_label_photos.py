"""``ccfpse label``: ids, colours, names, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.commands import main
from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.data.image_files import read_label
from ccfpse_tf.data.prepare import prepare
from ccfpse_tf.data.records import read_description
from ccfpse_tf.errors import DataErrors, InputError
from ccfpse_tf.evaluation.evaluators import open_evaluator
from ccfpse_tf.evaluation.label_photos import label_photos, label_png
from ccfpse_tf.generation import label_folder
from tests.data.toy import save
from tests.evaluation.networks import small_coral
from tests.evaluation.tiny import CLASSES, GREYS, SIZE, make_segmenter

IDS = [7, 300, 0, 9]
COLORS = [[1, 2, 3], [4, 5, 6], [7, 8, 9], [250, 251, 252]]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_segmenter(tmp_path_factory.mktemp("segmenter"))


@pytest.fixture
def segmenter(made):
    """The path of a segmenter whose facts are as it was made."""
    facts = made.parent / "segmenter.json"
    before = facts.read_text()
    yield made
    facts.write_text(before)


def add_facts(segmenter, **entries):
    path = segmenter.parent / "segmenter.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def make_photo(path, seed=0):
    """Saves a photo of squares in the segmenter's greys; returns their classes."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, CLASSES, (4, 4)).repeat(16, 0).repeat(16, 1)
    assert classes.shape == SIZE
    save(path, GREYS[classes][..., None].repeat(3, -1).astype(np.uint8))
    return classes


def label(*arguments):
    return main.run(["label", *map(str, arguments)])


def test_photos_and_folders(tmp_path, segmenter, capsys):
    first = make_photo(tmp_path / "a.png", 1)
    second = make_photo(tmp_path / "photos" / "b.PNG", 2)
    third = make_photo(tmp_path / "photos" / "city" / "b.png", 3)
    save(tmp_path / "photos" / ".hidden.png", np.zeros((4, 4, 3), np.uint8))
    out = tmp_path / "out"
    places = (tmp_path / "a.png", tmp_path / "photos")
    assert label(*places, "--evaluator", segmenter, "--out", out) == 0
    assert f"3 label maps in {out}" in capsys.readouterr().out
    for key, classes in (("a", first), ("b", second), ("city/b", third)):
        np.testing.assert_array_equal(read_label(out / f"{key}.png"), classes)
    files = {str(path.relative_to(out)) for path in out.rglob("*.*")}
    assert files == {"a.png", "b.png", "city/b.png", "labelled.json"}
    facts = json.loads((out / "labelled.json").read_text())
    assert facts["label_maps"] == 3 and facts["evaluator"] == str(segmenter)
    label_photos([tmp_path / "a.png"], str(segmenter), out)  # replaces its own
    assert not (out / "b.png").exists()


def test_own_ids_and_colours(tmp_path, segmenter):
    classes = make_photo(tmp_path / "a.png")
    add_facts(segmenter, label_ids=[7, 30, 0, 255], palette=COLORS)
    label_photos([tmp_path / "a.png"], str(segmenter), tmp_path / "out")
    found = read_label(tmp_path / "out" / "a.png")
    np.testing.assert_array_equal(found, np.array([7, 30, 0, 255])[classes])
    shown = np.asarray(Image.open(tmp_path / "out" / "a.png").convert("RGB"))
    np.testing.assert_array_equal(shown, np.array(COLORS)[classes])


def test_ids_of_16_bits(tmp_path, segmenter):
    classes = make_photo(tmp_path / "a.png")
    add_facts(segmenter, label_ids=IDS)
    label_photos([tmp_path / "a.png"], str(segmenter), tmp_path / "out")
    found = read_label(tmp_path / "out" / "a.png")
    np.testing.assert_array_equal(found, np.array(IDS)[classes])


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ({"label_ids": [1, 2, 3]}, "label_ids is .* 4 ids of 0 to 65535"),
        ({"label_ids": [1, 2, 3, 3]}, "no two alike"),
        ({"label_ids": [1, 2, 3, -1]}, "0 to 65535"),
        ({"label_ids": {"1": 2}}, "has to be a list"),
        ({"palette": [[0, 0, 0]]}, "palette is .* list of 4 colours"),
        ({"palette": [[0, 0, 256]] * 4}, "of 0 to 255"),
        ({"palette": [0, 1, 2, 3]}, r"\[red, green, blue\]"),
    ],
)
def test_wrong_facts_of_a_segmenter(segmenter, entries, expected):
    add_facts(segmenter, **entries)
    with pytest.raises(InputError, match=expected):
        open_evaluator(str(segmenter))


def test_a_known_data_set_has_its_colours(segmenter, monkeypatch):
    assert len(set(open_evaluator(str(segmenter)).palette)) == CLASSES
    names = tuple(f"class {index}" for index in range(CLASSES))
    known = dataclasses.replace(
        DATASETS["scenes"], class_names=names, palette=tuple(map(tuple, COLORS))
    )
    monkeypatch.setitem(DATASETS, "known", known)
    assert open_evaluator(str(segmenter)).palette == known.palette


def test_the_maps_are_read_by_their_siblings(tmp_path, segmenter):
    """`prepare` and `generate --labels` find the classes that were meant."""
    classes = make_photo(tmp_path / "photos" / "a.png")
    make_photo(tmp_path / "photos" / "b.png", 1)
    labels = tmp_path / "labels"
    label_photos([tmp_path / "photos"], str(segmenter), labels)
    argv = ["--images", f"{tmp_path}/photos", "--labels", str(labels)]
    argv += ["--num-classes", str(CLASSES), "--val-fraction", "0.5", "--keep-size"]
    argv += ["--workers", "1", "--out", str(tmp_path / "records")]
    prepare.main("folder", argv)
    description = read_description(tmp_path / "records")
    assert description.class_ids == tuple(range(CLASSES))
    found = label_folder.examples(labels, None, description, SIZE)
    np.testing.assert_array_equal(found[0]["label"][0], classes)


def test_street_scenes_get_the_ids_of_their_data_set(tmp_path, monkeypatch):
    evaluator = open_evaluator(
        f"coral-deeplab:{small_coral.write(tmp_path, monkeypatch)}"
    )
    city = DATASETS["cityscapes"]
    assert evaluator.file_ids == city.segmenter_classes
    classes = np.kron(np.arange(19).reshape(1, 19), np.ones((270, 20), int))
    photo = np.zeros((*classes.shape, 3), np.uint8)
    photo[..., 0] = classes * small_coral.STEP + small_coral.STEP // 2
    found = evaluator.label_photo(photo)  # 380x270, enlarged to a height of 513
    assert found.shape == (270, 380)
    inside = slice(10, None, 20)
    np.testing.assert_array_equal(found[:, inside], classes[:, inside])
    (tmp_path / "a.png").write_bytes(label_png(found, evaluator))
    ids = np.array(city.segmenter_classes)
    np.testing.assert_array_equal(read_label(tmp_path / "a.png"), ids[found])
    image = Image.open(tmp_path / "a.png")
    shown = np.asarray(image.convert("RGB"))[5, inside]
    np.testing.assert_array_equal(shown, np.array(city.palette)[ids])


def test_photos_of_any_shape(tmp_path, monkeypatch):
    """The sizes that the network sees: never distorted."""
    path = small_coral.write(tmp_path, monkeypatch)
    evaluator = open_evaluator(f"coral-deeplab:{path}")
    seen = []

    def network(image):
        seen.append(image.shape[:2])
        return np.zeros(image.shape[:2], np.int32)

    evaluator.network = network
    sizes = ((360, 480), (480, 360), (100, 400), (1200, 1600), (100, 200), (1, 1))
    for size in sizes:
        assert evaluator.label_photo(np.zeros((*size, 3), np.uint8)).shape == size
    assert seen == [
        *((513, 684), (684, 513), (513, 2052)),
        *((1024, 1365), (1024, 2048), (513, 513)),
    ]
    with pytest.raises(InputError, match="401x100 .* 4 times .* crop it"):
        evaluator.label_photo(np.zeros((100, 401, 3), np.uint8))


def test_huge_photos_are_scaled_down_first(segmenter):
    evaluator = open_evaluator(str(segmenter))
    seen = []
    evaluator.predict = lambda image, size: seen.append((image.shape[:2], size))
    evaluator.label_photo(np.zeros((2, 4096, 3), np.uint8))
    evaluator.label_photo(np.zeros((2, 2048, 3), np.uint8))
    assert seen == [((1, 2048), (2, 4096)), ((2, 2048), (2, 2048))]


def test_published_networks_know_the_ids_of_their_files():
    from ccfpse_tf.evaluation.evaluators.evaluator import files_of

    ids, colors = files_of(DATASETS["ade20k"])
    assert ids == tuple(range(1, 151)) and colors == DATASETS["ade20k"].palette
    assert files_of(DATASETS["coco_stuff"])[0] == tuple(range(182))


def test_broken_photos_are_all_named_and_nothing_is_written(tmp_path, segmenter):
    make_photo(tmp_path / "photos" / "a.png")
    for name in ("b.png", "c.jpg"):
        (tmp_path / "photos" / name).write_bytes(b"nothing")
    with pytest.raises(DataErrors, match="2 problems in the photos") as error:
        label_photos([tmp_path / "photos"], str(segmenter), tmp_path / "out")
    assert [problem.partition(": ")[0] for problem in error.value.problems] == [
        str(tmp_path / "photos" / name) for name in ("b.png", "c.jpg")
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


def test_two_photos_of_one_name_are_refused_first(tmp_path):
    for name in ("one/a.png", "two/a.jpg"):
        make_photo(tmp_path / name)
    places = [tmp_path / "one" / "a.png", tmp_path / "two"]
    with pytest.raises(DataErrors, match=r"a\.jpg: its label map would be a\.png"):
        label_photos(places, "no segmenter", tmp_path / "out")
    make_photo(tmp_path / "two" / "a.png")
    with pytest.raises(DataErrors, match=r"same name as .*rename one"):
        label_photos([tmp_path / "two"], "no segmenter", tmp_path / "out")


def test_places_that_are_refused(tmp_path, segmenter):
    out, spec = tmp_path / "out", "no segmenter"
    with pytest.raises(InputError, match=r"none\.jpg: no such photo or folder"):
        label_photos([tmp_path / "none.jpg"], spec, out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no photos in there"):
        label_photos([tmp_path / "empty"], spec, out)
    make_photo(tmp_path / "photos" / "a.png")
    with pytest.raises(InputError, match="inside of .*photos"):
        label_photos([tmp_path / "photos"], spec, tmp_path / "photos" / "labels")
    with pytest.raises(InputError, match="that `label` did not write"):
        label_photos([tmp_path / "photos"], spec, tmp_path / "photos")
    with pytest.raises(InputError, match="no such file or folder; give drn"):
        label_photos([tmp_path / "photos"], spec, out)
    assert not out.exists()


def test_turned_photos_are_told(tmp_path, segmenter, capsys):
    make_photo(tmp_path / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(tmp_path / "a.png") as image:
        image.save(tmp_path / "a.jpg", exif=exif)
    label_photos([tmp_path / "a.jpg"], str(segmenter), tmp_path / "out")
    assert "note: a photo has an EXIF orientation" in capsys.readouterr().out
