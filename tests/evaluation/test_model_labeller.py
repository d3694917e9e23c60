"""Label maps of photos in the classes and the size of an exported model."""

import io

import numpy as np
import pytest
from PIL import Image

from ccfpse_tf.data.datasets import DATASETS
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.model_labeller import open_labeller
from tests.evaluation.networks import small_coral
from tests.evaluation.tiny import CLASSES, GREYS, make_segmenter


def model(names, ids, size=(8, 16)):
    """What an exported model tells of itself, as far as it matters here."""
    classes = [
        {"name": name, "file_id": id_, "index": index, "color": "#000000"}
        for index, (name, id_) in enumerate(zip(names, ids, strict=True))
    ]
    return {"name": "toy", "image_size": list(size), "classes": classes}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return str(make_segmenter(tmp_path_factory.mktemp("segmenter")))


def encoded(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def photo(classes):
    return encoded(GREYS[classes][..., None].repeat(3, -1).astype(np.uint8))


def decoded(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def test_ids_and_size_are_the_models(spec):
    """Classes are found by their names, wherever the model has them."""
    names = ["class 3", "no label", "class 0", "class 1", "class 2"]
    label = open_labeller(spec, model(names, [9, 0, 50, 51, 52]))
    classes = np.array([[0, 1], [2, 3]]).repeat(32, 0).repeat(64, 1)  # 64x128
    found = decoded(label(photo(classes)))
    wanted = np.array([[50, 51], [52, 9]]).repeat(4, 0).repeat(8, 1)
    np.testing.assert_array_equal(found, wanted)


def test_of_another_shape_the_middle_is_used(spec):
    names = [f"class {index}" for index in range(CLASSES)]
    rows = np.array([0, 1, 1, 2]).repeat(16)[:, None].repeat(64, 1)  # 64x64
    wide = open_labeller(spec, model(names, range(CLASSES), (8, 16)))
    assert set(np.unique(decoded(wide(photo(rows))))) == {1}
    tall = open_labeller(spec, model(names, range(CLASSES), (16, 8)))
    assert set(np.unique(decoded(tall(photo(rows.T))))) == {1}
    square = open_labeller(spec, model(names, range(CLASSES), (8, 8)))
    assert decoded(square(photo(rows)))[:, 0].tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


def test_street_scenes_for_a_model_of_their_data_set(tmp_path, monkeypatch):
    city = DATASETS["cityscapes"]
    description = model(city.class_names, range(35), (32, 64))
    path = small_coral.write(tmp_path, monkeypatch)
    label = open_labeller(f"coral-deeplab:{path}", description)
    image = np.full((270, 360, 3), 13 * small_coral.STEP + 5, np.uint8)
    found = decoded(label(encoded(image)))
    assert found.shape == (32, 64)
    assert np.unique(found).tolist() == [26]  # car


def test_other_classes_are_named(spec):
    names = ["class 0", *"abcdefg"]
    message = (
        "knows class 1, class 2, class 3, not among the classes of the model toy: "
        r"class 0, a, b, c, d and 3 more; give a network .*segmenter"
    )
    with pytest.raises(InputError, match=message):
        open_labeller(spec, model(names, range(len(names))))


def test_what_is_no_photo_is_refused(spec):
    names = [f"class {index}" for index in range(CLASSES)]
    label = open_labeller(spec, model(names, range(CLASSES)))
    with pytest.raises(InputError, match="the photo: cannot be read as an image"):
        label(b"\x89PNG\r\n\x1a\n")
