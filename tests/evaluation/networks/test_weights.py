"""Reading the evaluation networks' files: names, wrappings, the two releases."""

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.networks import weights
from ccfpse_tf.evaluation.networks.upernet import UPerNet
from tests.evaluation.networks import segmenter_oracle as oracle
from tests.evaluation.networks.small_segmenters import NETWORKS

OPTIONAL = ("num_batches_tracked", "_tmp_running_mean", "_tmp_running_var")


def filled(kind="drn"):
    """A small network and weights that fit it, not yet in it."""
    network = NETWORKS[kind]()
    return network, oracle.random_state(network)


def equal(state, other):
    assert list(state) == list(other)
    return all(np.array_equal(state[name], other[name]) for name in state)


@pytest.mark.parametrize("kind", ["drn", "upernet", "deeplab"])
def test_names_and_values_come_back(kind):
    network, state = filled(kind)
    weights.load(network, state)
    assert equal(weights.original_state(network), state)


def test_the_full_networks_have_the_published_names():
    # conv and norm pairs of five tensors each, and what has a bias or no norm
    assert len(list(weights.entries(UPerNet()))) == (106 + 12) * 5 + 2


def test_buffers_of_other_releases_are_ignored():
    network, state = filled("upernet")
    more = {f"bn1.{name}": np.zeros(4, np.float32) for name in OPTIONAL}
    weights.load(network, state | more | {"layer1.0.bn1._running_iter": np.ones(1)})
    assert equal(weights.original_state(network), state)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {f"module.{name}": x for name, x in state.items()},
        lambda state: {"epoch": 7, "state_dict": state},
        lambda state: {"state_dict": {f"module.{n}": x for n, x in state.items()}},
        lambda state: {
            name.replace("base.", "scale.", 1): x for name, x in state.items()
        },
    ],
    ids=["data parallel", "checkpoint", "both", "names of 2018"],
)
def test_wrapped_names(wrap):
    network, state = filled("deeplab")
    weights.load(network, wrap(state))
    assert equal(weights.original_state(network), state)


def test_all_problems_are_named_and_nothing_changes():
    network, state = filled()
    before = weights.original_state(network)
    del state["base.4.1.bn2.weight"]
    state["base.4.9.conv1.weight"] = np.zeros((1, 1, 1, 1), np.float32)
    state["seg.bias"] = np.zeros(6, np.float32)
    state["up.weight"] = np.full_like(state["up.weight"], np.nan)
    with pytest.raises(InputError) as error:
        weights.load(network, state, "drn.pth")
    for part in (
        "4 problems in drn.pth, read as DilatedResidualNetwork with 5 classes",
        "base.4.1.bn2.weight: missing",
        "base.4.9.conv1.weight: not in this network",
        "seg.bias: shape (6,), expected (5,)",
        "up.weight: holds values that are not finite",
    ):
        assert part in str(error.value)
    assert equal(weights.original_state(network), before)


def test_npz_files_need_no_torch(tmp_path):
    network, state = filled("upernet")
    names = sorted(state)
    half = len(names) // 2
    parts = ({n: state[n] for n in names[:half]}, {n: state[n] for n in names[half:]})
    for path, part in zip(("a.npz", "b.npz"), parts, strict=True):
        weights.write_npz(tmp_path / path, part)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]
    found = weights.read_state(tmp_path / "a.npz", tmp_path / "b.npz")
    weights.load(network, found)
    assert equal(weights.original_state(network), state)
    with pytest.raises(InputError, match="two different files"):
        weights.read_state(tmp_path / "a.npz", tmp_path / "a.npz")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"missing\.npz: no such file"):
        weights.read_state(tmp_path / "missing.npz")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(InputError, match=r"cut\.npz: cannot be read"):
        weights.read_state(tmp_path / "cut.npz")
    np.savez(tmp_path / "code.npz", x=np.array([print], object))
    with pytest.raises(InputError, match=r"code\.npz: cannot be read"):
        weights.read_state(tmp_path / "code.npz")
    with pytest.raises(InputError, match=r"has to end in \.npz"):
        weights.write_npz(tmp_path / "x.pth", {})


@pytest.mark.parametrize(
    ("size", "release"), [(0.1, "imagenet"), (0.021, "imagenet"), (0.0017, "caffe")]
)
def test_the_first_kernel_tells_the_release(size, release):
    kernel = {"conv1.weight": np.full((4, 3, 3, 3), -size)}
    assert weights.upernet_normalisation(kernel, None) == release


def test_an_ambiguous_kernel_needs_a_word():
    kernel = {"conv1.weight": np.full((4, 3, 3, 3), 0.012)}
    with pytest.raises(InputError, match="normalisation imagenet or caffe"):
        weights.upernet_normalisation(kernel, None)
    assert weights.upernet_normalisation(kernel, "caffe") == "caffe"
    with pytest.raises(InputError, match="choose from imagenet, caffe"):
        weights.upernet_normalisation(kernel, "bgr")
    with pytest.raises(InputError, match="not the files of a UPerNet"):
        weights.upernet_normalisation({}, None)
