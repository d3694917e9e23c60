"""Conversion of torchvision's VGG19 to a file that is read without PyTorch."""

import numpy as np
import pytest

from ccfpse_tf.commands import main
from ccfpse_tf.errors import InputError
from ccfpse_tf.models.perceptual.loss import PerceptualLoss
from ccfpse_tf.models.perceptual.vgg19 import torchvision_shapes
from tests.convert.official import read_npz


@pytest.fixture
def state():
    random = np.random.default_rng(0)
    return {
        name: random.normal(0, 0.02, shape).astype(np.float32)
        for name, shape in torchvision_shapes().items()
    }


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr("ccfpse_tf.convert.vgg.read_tensors", read_npz)

    def write(state):
        with open(tmp_path / "vgg19.pth", "wb") as file:
            np.savez(file, **state)
        return str(tmp_path / "vgg19.pth")

    return write


def test_the_loss_reads_what_was_converted(source, state, tmp_path, capsys):
    out = tmp_path / "vgg19.npz"
    path = source(state | {"classifier.6.bias": np.zeros(1000, np.float32)})
    assert main.run(["convert", path, "--vgg", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "dropped  classifier.6.bias" in said
    assert f"losses.perceptual_weights={out}" in said
    assert sorted(read_npz(out)) == sorted(state)
    layer = PerceptualLoss("torchvision", out).network.get_layer("block5_conv1")
    np.testing.assert_array_equal(
        layer.kernel, state["features.28.weight"].transpose(2, 3, 1, 0)
    )
    with pytest.raises(InputError, match="exists already"):
        main.run(["convert", path, "--vgg", "--out", str(out)])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"features.2.weight": np.zeros((64, 64, 1, 1))}, r"shape \(64, 64, 1, 1\)"),
        ({"features.0.bias": np.full(64, np.inf)}, "features.0.bias: not finite"),
        (None, "features.0.weight: missing"),
    ],
)
def test_other_networks_are_refused(source, state, tmp_path, change, words):
    path = source({"x": np.zeros(1)} if change is None else state | change)
    with pytest.raises(InputError, match=words):
        main.run(["convert", path, "--vgg", "--out", str(tmp_path / "x.npz")])
    assert [x.name for x in tmp_path.iterdir()] == ["vgg19.pth"]


def test_another_ending(source, state, tmp_path):
    with pytest.raises(InputError, match="written as .npz"):
        main.run(["convert", source({}), "--vgg", "--out", str(tmp_path / "x.h5")])
