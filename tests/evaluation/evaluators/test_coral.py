"""The Cityscapes judge in tiles: its protocol, its labels, what it refuses."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from ccfpse_tf.data.transforms import resize_ids
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.evaluators import IGNORED, open_evaluator
from ccfpse_tf.evaluation.measures import Measures
from ccfpse_tf.evaluation.metrics.segmentation import open_segmentation
from ccfpse_tf.evaluation.networks.coral_deeplab import CoralDeepLab
from tests.evaluation.networks import small_coral


@pytest.fixture
def judge(tmp_path, monkeypatch):
    path = small_coral.write(tmp_path, monkeypatch)
    return open_evaluator(f"coral-deeplab:{path}", num_classes=35)


def blocks(shape, cell):
    """Classes in squares of ``cell`` pixels, and their image."""
    rows, columns = (length // cell for length in shape)
    classes = np.random.default_rng(0).integers(0, 19, (rows, columns))
    classes = np.kron(classes, np.ones((cell, cell), int))
    image = np.zeros((*classes.shape, 3), np.uint8)
    image[..., 0] = classes * small_coral.STEP + small_coral.STEP // 2
    return classes, image


def test_images_of_full_size(judge):
    classes, image = blocks((1024, 2048), 64)
    found = judge.predict(image, (256, 512))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, resize_ids(classes, (256, 512)))


def test_images_are_enlarged(judge):
    classes, image = blocks((128, 256), 16)
    found = judge.predict(image, (128, 256))
    inside = np.zeros_like(classes, bool)  # bicubic mixes colours along the borders
    for row in range(4, 12):
        for column in range(4, 12):
            inside[row::16, column::16] = True
    np.testing.assert_array_equal(found[inside], classes[inside])


def test_the_protocol(judge):
    protocol = json.loads(json.dumps(judge.protocol))
    assert protocol["image_size"] == [1024, 2048]
    assert protocol["image_resize"] == "Pillow bicubic"
    assert protocol["tile_columns"] == [0, 512, 1023, 1535]
    assert protocol["runtime"].partition(" ")[0] in ("ai-edge-litert", "tensorflow")
    assert "kernels" in protocol
    assert protocol["weights"][0]["file"] == "small.tflite"
    assert judge.class_names[0] == "road" and judge.class_names[18] == "bicycle"


def test_labels_are_those_of_its_data_set(judge):
    label = np.array([[0, 7, 8, 33, 34]])
    assert judge.labels(label).tolist() == [[IGNORED, 0, 1, 18, IGNORED]]
    with pytest.raises(InputError, match=r"labels are 0\.\.34"):
        judge.labels(np.array([[35]]))


def test_other_shapes_of_images_are_refused(judge):
    for height, width in ((360, 480), (100, 189), (100, 211)):
        image = np.zeros((height, width, 3), np.uint8)
        with pytest.raises(InputError, match=rf"{width}x{height} .* 1.9 to 2.1; evalu"):
            judge.predict(image, (height, width))
    source = SimpleNamespace(
        description=SimpleNamespace(label_mapping="identity", num_classes=35),
        size=(256, 256),
    )
    path = judge.network.path
    with pytest.raises(InputError, match="256x256"):  # before anything is generated
        open_segmentation(Measures(segmenter=f"coral-deeplab:{path}"), source, None)
    judge.check_size((100, 190))
    judge.check_size((100, 210))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"num_classes": 12}, "35 classes; these have 12"),
        ({"label_mapping": "shift"}, "labels of Cityscapes are 'identity'"),
        ({"normalisation": "caffe"}, "only two releases of upernet"),
    ],
)
def test_other_data_sets_are_refused(options, expected):
    with pytest.raises(InputError, match=expected):
        open_evaluator("coral-deeplab:none.tflite", **options)


def test_it_is_downloaded_where_no_file_is_named(tmp_path, monkeypatch):
    path = small_coral.write(tmp_path, monkeypatch)
    monkeypatch.setattr(keras.utils, "get_file", lambda *args, **options: path)
    assert open_evaluator("coral-deeplab").class_names[10] == "sky"

    def refused(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(keras.utils, "get_file", refused)
    with pytest.raises(InputError, match=r"coral-deeplab:FILE\) cannot be downloaded"):
        open_evaluator("coral-deeplab")


def test_the_published_file_agrees_with_the_reference(shared_dir):
    with np.load(shared_dir / "fixtures/pretrained/coral_deeplab.npz") as data:
        network = CoralDeepLab(shared_dir / "weights")
        found = network(data["image"])
        xnnpack = network.describe()["kernels"] == "XNNPACK"
        wanted = data["prediction" if xnnpack else "prediction_without_delegate"]
    assert (found == wanted).mean() > 0.98
