"""ST-LPIPS against plain NumPy, on files of random weights."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.lib.stride_tricks import sliding_window_view

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.diversity import mean_pairwise_distance
from ccfpse_tf.evaluation.networks import st_lpips
from ccfpse_tf.evaluation.networks.st_lpips import STLPIPS
from tests.evaluation.networks import small_st_lpips

TRUNKS = ("alex", "vgg")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    small_st_lpips.narrow(monkeypatch)


@pytest.fixture
def network(tmp_path, monkeypatch):
    def make(trunk):
        path = tmp_path / f"{trunk}.pth"
        small_st_lpips.write(path, monkeypatch, trunk)
        return STLPIPS(trunk, path)

    return make


def images(*shape):
    return np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)


class Oracle:
    """The facts' words in float64, one image, channels first."""

    def __init__(self, trunk):
        self.state = {
            name: value.astype(np.float64)
            for name, value in small_st_lpips.state(trunk).items()
        }
        self.features = getattr(self, trunk)

    def convolution(self, x, name, padding=1):
        kernel = self.state[f"net.{name}.weight"]
        x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
        windows = sliding_window_view(x, kernel.shape[2:], (1, 2))
        bias = self.state[f"net.{name}.bias"][:, None, None]
        return np.einsum("crsij,ocij->ors", windows, kernel) + bias

    def pooled(self, x, size):
        return sliding_window_view(x, (size, size), (1, 2)).max((3, 4))

    def blurred(self, x):
        x = np.pad(x, [(0, 0), (2, 2), (2, 2)], "reflect")
        filter_ = np.outer([1, 2, 1], [1, 2, 1]) / 16
        windows = sliding_window_view(x, (3, 3), (1, 2))[:, ::2, ::2]
        return np.einsum("crsij,ij->crs", windows, filter_)

    def scaled(self, image):
        x = np.moveaxis(image, -1, 0) / 127.5 - 1
        shift = np.reshape(self.state["scaling_layer.shift"], (3, 1, 1))
        return (x - shift) / np.reshape(self.state["scaling_layer.scale"], (3, 1, 1))

    def alex(self, image):
        x = self.convolution(self.scaled(image), "slice1.0", 2)
        x = np.maximum(self.blurred(x), 0)
        maps = [x]
        for name, padding in (("slice2.5", 2), ("slice3.9", 1)):
            x = self.blurred(self.pooled(x, 3))
            x = np.maximum(self.convolution(x, name, padding), 0)
            maps.append(x)
        for name in ("slice4.11", "slice5.13"):
            x = np.maximum(self.convolution(x, name), 0)
            maps.append(x)
        return maps

    def vgg(self, image):
        x, maps = self.scaled(image), []
        for level, places in enumerate(
            [(0, 2), (6, 8), (12, 14, 16), (20, 22, 24), (28, 30, 32)], 1
        ):
            if level > 1:
                x = self.blurred(self.pooled(x, 2))
            for place in places:
                x = np.maximum(self.convolution(x, f"slice{level}.{place}"), 0)
            maps.append(x)
        return maps

    def distance(self, first, second):
        total = 0
        pairs = zip(self.features(first), self.features(second), strict=True)
        for level, pair in enumerate(pairs):
            a, b = (x / (np.sqrt((x**2).sum(0)) + 1e-10) for x in pair)
            weights = self.state[f"lin{level}.model.1.weight"].reshape(-1, 1, 1)
            total += (weights * (a - b) ** 2).sum(0).mean()
        return total


@pytest.mark.parametrize("trunk", TRUNKS)
@pytest.mark.parametrize("size", [(32, 40), (33, 47)])
def test_equals_plain_numpy(network, trunk, size):
    net, oracle = network(trunk), Oracle(trunk)
    pair = images(2, *size)
    maps = net(pair)
    for ours, theirs in zip(maps, oracle.features(pair[0]), strict=True):
        np.testing.assert_allclose(ours[0], np.moveaxis(theirs, 0, -1), atol=2e-5)
    distance = mean_pairwise_distance(maps, net.channel_weights)
    assert distance == pytest.approx(oracle.distance(*pair), abs=1e-5)
    assert mean_pairwise_distance(maps) > 1.3 * distance  # the weights count


@pytest.mark.parametrize("trunk", TRUNKS)
def test_equal_images_have_no_distance(network, trunk):
    net = network(trunk)
    maps = net(images(1, 32, 32).repeat(2, 0))
    assert mean_pairwise_distance(maps, net.channel_weights) == 0


@pytest.mark.parametrize("trunk", TRUNKS)
def test_the_smallest_images(network, trunk, monkeypatch):
    net = network(trunk)
    least = st_lpips.SMALLEST[trunk]
    maps = net(images(1, least, least))
    assert all(min(x.shape[1:3]) >= 1 for x in maps)
    for size in ((least - 1, 64), (64, least - 1)):
        with pytest.raises(InputError, match=f"{trunk}.*{size[0]}x{size[1]}.*{least}"):
            net(images(1, *size))
    # It is not chosen too large: with a pixel less the edges cannot be reflected.
    monkeypatch.setitem(st_lpips.SMALLEST, trunk, 1)
    with pytest.raises(tf.errors.InvalidArgumentError):
        net(images(1, least - 1, 64))


def test_other_arrays_than_images(network):
    with pytest.raises(InputError, match="uint8 RGB"):
        network("alex")(np.zeros((1, 32, 32, 3), np.float32))


def test_the_protocol_says_which_network(network):
    facts = network("vgg").protocol()
    assert (facts["network"], facts["trunk"]) == ("st-lpips", "vgg")
    assert facts["sha256"] == st_lpips.FILES["vgg"].sha256


def change(name, value):
    content = small_st_lpips.state("alex")
    if value is None:
        del content[name]
    else:
        content[name] = value
    return content


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("net.slice2.5.bias", None, "net.slice2.5.bias: missing"),
        ("net.slice9.1.bias", np.zeros(3, np.float32), "slice9.1.bias: not in this"),
        ("net.slice2.5.bias", np.zeros(3, np.float32), r"float32 \(3,\), expected"),
        ("net.slice2.5.bias", np.zeros(12, np.int32), r"int32 \(12,\), expected"),
        ("net.slice2.5.bias", np.full(12, np.nan, np.float32), "not finite"),
    ],
)
def test_other_tensors_in_the_file(tmp_path, monkeypatch, name, value, words):
    path = tmp_path / "x.pth"
    small_st_lpips.write(path, monkeypatch, content=change(name, value))
    with pytest.raises(InputError, match="1 problem in .*x.pth, read as ST-LPIPS") as e:
        STLPIPS("alex", path)
    assert e.match(words)


def test_weights_that_are_not_there(tmp_path, monkeypatch):
    small_st_lpips.write(tmp_path / "x.pth", monkeypatch)
    with pytest.raises(InputError, match="pip install stlpips-pytorch==0.0.2"):
        STLPIPS("alex")
    with pytest.raises(InputError, match="no such file.*pip install stlpips"):
        STLPIPS("alex", tmp_path / "no.pth")
    with pytest.raises(InputError, match="ST-LPIPS squeeze: choose alex or vgg"):
        STLPIPS("squeeze")
    (tmp_path / "x.pth").write_bytes(b"other")
    with pytest.raises(InputError, match="its SHA-256 is"):
        STLPIPS("alex", tmp_path / "x.pth")
