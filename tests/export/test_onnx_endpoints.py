"""What is served of a preset without TensorFlow; a stand-in draws."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.export.endpoints import Endpoints
from ccfpse_tf.export.onnx_endpoints import OnnxEndpoints
from ccfpse_tf.export.philox import stateless_normal
from ccfpse_tf.export.signatures import signatures_of
from ccfpse_tf.export.sizes import Sizes
from ccfpse_tf.presets.preset_files import write_preset
from tests.export import exported
from tests.export.onnx_stand_in import GRAPHS, open_graph, preset
from tests.presets.made import INSTANCE, LAYOUT, described

LABEL = exported.label_png(LAYOUT)
OBJECTS = exported.png(INSTANCE.astype(np.uint8))


@pytest.fixture(scope="module")
def endpoints():
    return OnnxEndpoints(preset(), open_graph)


def bytes_of(*values):
    return np.array([*values, None], object)[:-1]


def maps(label=LABEL, instance=OBJECTS):
    return {"label_bytes": bytes_of(label), "instance_bytes": bytes_of(instance)}


def drawn(answer):
    [image] = answer["image_bytes"]
    return exported.pixels(image)


def test_maps_are_decoded_and_drawn(endpoints):
    z = np.full((1, 4), 9, np.float32)
    image = drawn(endpoints.synthesize_bytes(z=z, **maps()))
    np.testing.assert_array_equal(image[..., 0], LAYOUT)
    np.testing.assert_array_equal(image[..., 1], INSTANCE)
    assert (image[..., 2] == 9).all()
    # Without objects, those of the classes.
    image = drawn(endpoints.synthesize_bytes(z=z, **maps(instance=b"")))
    np.testing.assert_array_equal(image[..., 1], LAYOUT)


def test_arrays_are_drawn(endpoints):
    z = np.full((1, 4), 9, np.float32)
    label, instance = (one[None].astype(np.int32) for one in (LAYOUT, INSTANCE))
    image = endpoints.synthesize(label=label, instance=instance, z=z)["image"]
    assert image.dtype == np.uint8 and image.shape == (1, *LAYOUT.shape, 3)


def test_a_seed_gives_the_code_of_tensorflow(endpoints, monkeypatch):
    given = []
    monkeypatch.setattr(endpoints, "_draw", lambda inputs: given.append(inputs) or [])
    both = {name: np.repeat(value, 2) for name, value in maps().items()}
    endpoints.serve(seed=np.array([3, -1]), **both)
    wanted = [stateless_normal(3, 4), stateless_normal(-1, 4)]
    np.testing.assert_array_equal(given[0]["z"], wanted)


def test_a_photo_gives_its_style(endpoints):
    photo = exported.png(np.full((9, 7, 3), 77, np.uint8))
    image = drawn(endpoints.stylize_bytes(style_bytes=bytes_of(photo), **maps()))
    assert (image[..., 2] == 77).all()


def test_the_description_has_examples_and_styles(endpoints):
    [text] = endpoints.describe(format=np.ones(1, np.int64))["description_bytes"]
    said, known = json.loads(text), preset()
    assert said["format"] == 1 and len(said["examples"]) == 1
    assert [style["name"] for style in said["styles"]] == ["style 1", "style 2"]
    for style, stored in zip(said["styles"], known.styles, strict=True):
        np.testing.assert_array_equal(np.float32(style["z"]), stored.code)
    with pytest.raises(InputError, match=r"format\[0\] is 2; .* itself in 1"):
        endpoints.describe(format=np.full(1, 2, np.int64))


def test_the_signatures_are_those_of_the_other_engine(endpoints):
    other = Endpoints.__new__(Endpoints)
    other.sizes, other.z_dim, other.instances = Sizes(LAYOUT.shape, 32), 4, True
    wanted = signatures_of(other)
    mine = endpoints.signatures()
    assert wanted.keys() - mine.keys() == {"encode", "stylize"}
    for name, (_, *specs) in mine.items():
        for found, same in zip(
            specs, (wanted[name].inputs, wanted[name].outputs), strict=True
        ):
            assert found.keys() == same.keys()
            for key, (dtype, shape) in found.items():
                assert np.dtype(dtype) == same[key].dtype.as_numpy_dtype, (name, key)
                sizes = [-1 if size is None else size for size in same[key].shape]
                assert list(shape) == sizes, (name, key)


def test_without_styles_and_instances():
    plain = preset(data=described("low", "middle", "high", instances=False), styles=())
    served = OnnxEndpoints(plain, open_graph)
    assert served.signatures().keys() == {"describe", "serving_default", "synthesize"}
    label = exported.png((LAYOUT + 7).astype(np.uint8))
    answer = served.serve(seed=np.zeros(1, np.int64), label_bytes=bytes_of(label))
    np.testing.assert_array_equal(drawn(answer)[..., 0], LAYOUT)


GREY = np.full(LAYOUT.shape, 7, np.uint8)
WRONG_MAPS = {
    r"label_bytes\[0\] is not a PNG": b"GIF89a" + bytes(30),
    r"not a PNG \(or cut short\)": LABEL[:20],
    r"label_bytes\[0\]: .*damaged|cut": LABEL[:-30],
    r"grey PNG .*\(colour type 2, 8 bits\)": exported.png(np.zeros((64, 96, 3), "u1")),
    r"8 or 16 bits \(colour type 0, 1 bits\)": exported.png(GREY > 9),
    r"is 32x96 \(height x width\), .* 64x96 only; resize": exported.png(GREY[:32]),
    r"label_bytes\[0\]: label id 9 at row 0, column 0; .* 7..8, 300": exported.png(
        GREY + 2
    ),
}


@pytest.mark.parametrize("words", WRONG_MAPS)
def test_wrong_maps(endpoints, words):
    with pytest.raises(InputError, match=words):
        endpoints.serve(seed=np.zeros(1, np.int64), **maps(WRONG_MAPS[words]))


def test_other_wrong_inputs(endpoints):
    label, instance = (one[None].astype(np.int32) for one in (LAYOUT, INSTANCE))
    z = np.zeros((1, 4), np.float32)
    inputs = {"label": label, "instance": instance, "z": z}
    cases = {
        r"label\[0\] is 3 at row 1, column 2; .* 0\.\.2": {"label": changed(label, 3)},
        r"label\[0\] is -1 ": {"label": changed(label, -1)},
        r"label is 32x96": {"label": label[:, :32]},
        r"instance is 64x48": {"instance": instance[:, :, :48]},
        r"z has 3 values per image, the model takes 4": {"z": z[:, :3]},
        r"z\[0\] holds NaN": {"z": np.full((1, 4), np.nan, np.float32)},
        r"different numbers of rows \(1, 1, 2\)": {"z": np.repeat(z, 2, 0)},
        r"label is an empty batch": {"label": label[:0]},
    }
    for words, wrong in cases.items():
        with pytest.raises(InputError, match=words):
            endpoints.synthesize(**inputs | wrong)
    with pytest.raises(InputError, match=r"style_bytes\[0\]"):
        endpoints.stylize_bytes(style_bytes=bytes_of(b"no photo"), **maps())


def changed(label, value):
    label = label.copy()
    label[0, 1, 2] = value
    return label


FAKE = """
import json
from types import SimpleNamespace
from unittest.mock import MagicMock
import numpy as np

class InferenceSession:
    def __init__(self, content, options, providers):
        self.size = json.loads(content)
    def get_modelmeta(self):
        said = {"format": 1, "image_size": self.size, "z_dim": 4}
        return SimpleNamespace(custom_metadata_map={"description": json.dumps(said)})
    def run(self, names, inputs, options):
        return [np.zeros((len(inputs["label"]), *self.size, 3), np.uint8)]

SessionOptions = RunOptions = OrtValue = MagicMock()
"""
SERVED = """
import sys
from ccfpse_tf.commands import serve
from ccfpse_tf.commands.offered_models import offers_of
[offer] = offers_of(sys.argv[1:], {}, "onnx")
versions = offer.load(print)
from ccfpse_tf.serving.app import make_app
from ccfpse_tf.serving.model_backend import ModelBackend
print(versions.loaded(), sorted({"tensorflow", "keras"} & sys.modules.keys()))
"""


def test_tensorflow_is_not_imported(tmp_path, repository):
    # In place of ONNX Runtime, which need not be installed.
    (tmp_path / "onnxruntime.py").write_text(FAKE)
    about = tmp_path / "onnxruntime-9.9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: onnxruntime\nVersion: 9.9\n"
    )
    size = json.dumps(LAYOUT.shape).encode()
    write_preset(tmp_path / "tiny", preset(graphs=dict.fromkeys(GRAPHS, size)))
    done = subprocess.run(
        [sys.executable, "-c", SERVED, str(tmp_path / "tiny")],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{repository}"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-1:] == ["[1] []"], done.stderr
