"""Files of PyTorch: read, written, refused; no code in them runs."""

import builtins
import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.pytorch import FORMATS, read_tensors, write_tensors

STATE = {
    "a.0.weight_orig": np.arange(12, dtype=np.float32).reshape(3, 4, 1, 1),
    "a.0.weight_u": np.float32([1, 0, 0]),
    "a.0.weight_v": np.float32([0, 1, 0, 0]),
    "a.1.running_mean": np.zeros(3, np.float32),
    "a.1.running_var": np.ones(3, np.float32),
    "a.1.num_batches_tracked": np.array(7),
}


class Malicious:
    """Its pickle calls ``os.system``."""

    def __init__(self, marker):
        self.command = f"touch {marker}"

    def __reduce__(self):
        """Returns the call that unpickling would run."""
        return os.system, (self.command,)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs PyTorch (the extra [convert])")


def save(torch, content, path, form="zip"):
    torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    return path


@pytest.mark.parametrize("form", FORMATS)
def test_round_trip(torch, tmp_path, form):
    path = tmp_path / "x.pth"
    write_tensors(path, STATE, form)
    assert path.read_bytes().startswith(b"PK") == (form == "zip")
    found = read_tensors(path)
    assert list(found) == list(STATE)
    for name, value in STATE.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        assert found[name].tobytes() == value.tobytes()


def test_pytorch_loads_strictly_what_was_written(torch, tmp_path):
    """Spectral norm reads its version from the metadata, batch norm its own."""
    norm = torch.nn.utils.spectral_norm
    layers = [norm(torch.nn.Conv2d(4, 3, 1, bias=False)), torch.nn.BatchNorm2d(3)]
    network = torch.nn.Sequential()
    network.add_module("a", torch.nn.Sequential(layers[0], layers[1]))
    state = {
        "a.0.weight_orig": STATE["a.0.weight_orig"],
        "a.0.weight_u": STATE["a.0.weight_u"],
        "a.0.weight_v": STATE["a.0.weight_v"],
        "a.1.weight": np.ones(3, np.float32),
        "a.1.bias": np.zeros(3, np.float32),
    } | {name: value for name, value in STATE.items() if name.startswith("a.1.")}
    assert set(state) == set(network.state_dict())
    write_tensors(tmp_path / "x.pth", state)
    content = torch.load(tmp_path / "x.pth", weights_only=True)
    network.load_state_dict(content, strict=True)
    assert int(layers[1].num_batches_tracked) == 7
    theirs = network.state_dict()._metadata
    assert {name: theirs[name] for name in content._metadata} == content._metadata


@pytest.mark.parametrize("form", FORMATS)
def test_code_in_a_pickle_does_not_run(torch, tmp_path, form):
    marker = tmp_path / "marker"
    path = save(
        torch, {"a": torch.zeros(1), "b": Malicious(marker)}, tmp_path / "x.pth", form
    )
    with pytest.raises(InputError, match=r"x\.pth: .*asks for posix\.system"):
        read_tensors(path)
    assert not marker.exists()
    # The file is a real trap: the unsafe reader falls into it.
    torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_in_a_bare_pickle_does_not_run(torch, tmp_path, protocol):
    marker, path = tmp_path / "marker", tmp_path / "x.pth"
    path.write_bytes(pickle.dumps(Malicious(marker), protocol))
    with pytest.raises(InputError, match=r"x\.pth"):
        read_tensors(path)
    assert not marker.exists()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("part", [1, 10, 0.3, 0.7, -1])
def test_truncated_files(torch, tmp_path, form, part):
    path = tmp_path / "x.pth"
    write_tensors(path, STATE, form)
    content = path.read_bytes()
    length = int(part * len(content)) if 0 < part < 1 else part
    path.write_bytes(content[:length])
    with pytest.raises(InputError, match=r"x\.pth: is damaged.*download or copy"):
        read_tensors(path)


def test_a_flipped_bit_in_a_weight_is_noticed(torch, tmp_path):
    path = tmp_path / "x.pth"
    write_tensors(path, {"a": np.full(100, 3, np.float32)})
    content = bytearray(path.read_bytes())
    place = content.index(np.full(100, 3, np.float32).tobytes())
    content[place + 41] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pth: is damaged.*checksum"):
        read_tensors(path)


def _directory_beyond_the_end(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    return file.getvalue()[:-6] + b"\xff\xff\0\0" + file.getvalue()[-2:]


def _encrypted_member(content):
    entry = content.index(b"PK\1\2")
    return content[: entry + 8] + b"\1\x08" + content[entry + 10 :]


def _name_that_is_not_unicode(content):
    entry = content.index(b"PK\1\2")
    flags = content[: entry + 8] + b"\0\x08" + content[entry + 10 :]
    return flags[: entry + 46] + b"\x89" + flags[entry + 47 :]


@pytest.mark.parametrize(
    "damage",
    [_directory_beyond_the_end, _encrypted_member, _name_that_is_not_unicode],
)
def test_damaged_archives(torch, tmp_path, damage):
    path = tmp_path / "x.pth"
    write_tensors(path, STATE)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="x.pth: is damaged.*copy it again"):
        read_tensors(path)


@pytest.mark.parametrize(
    "content",
    [
        b"<html>404 Not Found</html>",
        b"\x00" * 64,
        b"PK\x03\x04" + bytes(7000),  # as of a download that was cut short
    ],
)
def test_files_of_another_kind(torch, tmp_path, content):
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pth: is damaged, or not") as caught:
        read_tensors(path)
    assert "weights_only" not in str(caught.value)  # PyTorch's own advice is unsafe


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda t: t.nn.Linear(1, 1), "asks for torch.nn.modules.linear.Linear"),
        (lambda t: [1], "holds one list"),
        (lambda t: t.zeros(1), "holds one Tensor"),
        (lambda t: {}, "it holds nothing"),
        (lambda t: {"net": {"a": t.zeros(1)}, "epoch": 3}, "'net' .dict., 'epoch'"),
        (lambda t: {"module.a": t.zeros(1)}, "begin with 'module.' .*removeprefix"),
        (lambda t: {"a": t.zeros(1).half()}, "a is float16 .*float()"),
        (lambda t: {"a": t.zeros(1).bfloat16()}, "a is bfloat16"),
        (lambda t: {"a": t.zeros(1).double()}, "a is float64"),
        (lambda t: {"a": t.eye(2).to_sparse()}, "a is float32 .torch.sparse_coo"),
        (lambda t: {0: t.zeros(1)}, "without a name"),
    ],
)
def test_what_is_no_dictionary_of_float32_tensors(torch, tmp_path, make, words):
    path = save(torch, make(torch), tmp_path / "x.pth")
    with pytest.raises(InputError, match=words) as caught:
        read_tensors(path)
    assert str(path) in str(caught.value)


def test_training_checkpoints_may_wrap_their_weights(torch, tmp_path):
    state = {"module.a": torch.zeros(2)}
    content = {"epoch": 3, "arch": "x", "state_dict": state}
    path = save(torch, content, tmp_path / "x.pth.tar")
    assert list(read_tensors(path, wrapped=True)) == ["module.a"]
    with pytest.raises(InputError, match="'epoch' .int."):
        read_tensors(path)


def test_missing_empty_and_folder(torch, tmp_path):
    (tmp_path / "empty.pth").touch()
    for name, words in (
        ("no.pth", "no such"),
        ("empty.pth", "is empty"),
        (".", "fold"),
    ):
        with pytest.raises(InputError, match=words):
            read_tensors(tmp_path / name)


def test_parameters_that_want_gradients(torch, tmp_path):
    path = save(torch, {"a": torch.nn.Parameter(torch.ones(1))}, tmp_path / "x.pth")
    assert read_tensors(path)["a"].tolist() == [1]


def test_without_pytorch(tmp_path, monkeypatch):
    original = builtins.__import__

    def without_torch(name, *args, **kwargs):
        if name == "torch":
            raise ImportError("No module named 'torch'")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    (tmp_path / "x.pth").write_bytes(b"PK\3\4")  # as zip files begin
    for action in (read_tensors, lambda path: write_tensors(path, {})):
        with pytest.raises(InputError, match=r"x\.pth: .*ccfpse_tf\[convert\]"):
            action(tmp_path / "x.pth")


def test_an_unknown_format(tmp_path):
    with pytest.raises(InputError, match="--format tar: choose zip or legacy"):
        write_tensors(tmp_path / "x.pth", {}, "tar")
