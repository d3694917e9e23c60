"""Archives of arrays from elsewhere, and names of variables."""

import io
import zipfile

import numpy as np
import pytest

from ccfpse_tf.files.arrays import parse_arrays, variable_names, write_arrays

ARRAYS = {
    "a/b": np.arange(6, dtype=np.float16).reshape(2, 3),
    "scalar": np.array(7),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": np.zeros((0, 3), np.int32),
    "flag": np.array([True, False]),
}


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            # A date of its own: the hour of collection would name a test anew.
            made.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_come_back(compressed, tmp_path):
    write_arrays(tmp_path / "x.npz", ARRAYS, compressed=compressed)
    found = parse_arrays((tmp_path / "x.npz").read_bytes(), 10_000)
    assert found.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)


HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"


def with_shape(shape, values=b"\0" * 8):
    """An array that claims a shape."""
    header = HEADER % shape + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + values


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a zip"),
        (b"PK\x03\x04", "not a zip"),
        (archive(a=b""), "magic|cut|expected"),
        (archive(a=npy(np.array(["text"]))), "not of numbers"),
        (archive(a=npy(np.array([1j]))), "not of numbers"),
        (archive(a=npy(np.zeros(2))[:-3]), "multiple of element size"),
        (archive(a=with_shape(b"10000000000000,")), "with 2 values"),
        (archive(a=with_shape(b"-1, -2")), "of shape"),
        (archive(a=with_shape(b"'x',")), "shape"),
        (archive(a=with_shape(b"__import__('os').abort(),")), "parse|malformed"),
        (archive(a=b"\x93NUMPY\x07\x00"), "format"),
        (archive(a=b"\0" * 2000), "2,000 bytes, at most 1,000"),
    ],
)
def test_what_is_no_array_of_numbers(content, words):
    with pytest.raises(ValueError, match=words):
        parse_arrays(content, 1_000)


def test_names_do_not_depend_on_the_process():
    paths = ["generator_6/conv2d_38/kernel", "generator_6/conv2d/u"]
    assert variable_names(paths) == [
        "0000.generator/conv2d/kernel",
        "0001.generator/conv2d/u",
    ]
