"""Tiles, runtimes and files of Coral's DeepLab."""

import sys

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.networks import coral_deeplab
from ccfpse_tf.evaluation.networks.coral_deeplab import (
    TILE,
    CoralDeepLab,
    spans,
    tiles,
)
from tests.evaluation.networks import small_coral


def test_spans_at_full_size():
    assert spans(1024) == [(0, 0, 512), (511, 512, 1024)]
    assert [start for start, *_ in spans(2048)] == [0, 512, 1023, 1535]
    assert spans(TILE) == [(0, 0, TILE)]


@pytest.mark.parametrize("length", [513, 514, 684, 1025, 1026, 1027, 1365, 2048, 5000])
def test_spans_decide_every_pixel_once(length):
    found = spans(length)
    assert found[0][1] == 0 and found[-1][2] == length
    assert found[-1][0] + TILE == length
    for start, first, end in found:
        assert start <= first < end <= start + TILE
    assert all(a[2] == b[1] for a, b in zip(found, found[1:], strict=False))


def test_small_sides_have_no_tiles():
    with pytest.raises(ValueError, match="512 pixels; tiles have 513"):
        list(tiles(2048, 512))


def picture(classes):
    """An image from whose red the small network reads these classes."""
    image = np.zeros((*classes.shape, 3), np.uint8)
    image[..., 0] = classes * small_coral.STEP
    return image


def test_tiles_are_put_together(tmp_path, monkeypatch):
    network = CoralDeepLab(small_coral.write(tmp_path, monkeypatch))
    classes = np.random.default_rng(0).integers(0, 19, (600, 1100))
    found = network(picture(classes))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, classes)
    facts = network.describe()
    assert facts["kernels"] in ("XNNPACK", "TensorFlow Lite's own", "unknown")


def test_the_middle_of_an_overlap_is_the_border(tmp_path, monkeypatch):
    network = CoralDeepLab(small_coral.write(tmp_path, monkeypatch))
    columns = np.broadcast_to(np.arange(TILE), (TILE, TILE))
    monkeypatch.setattr(network, "_run", lambda tile: columns)
    found = network(np.zeros((TILE, 613, 3), np.uint8))
    assert found[0].tolist() == [*range(306), *range(206, TILE)]


def test_tensorflow_runs_it_without_litert(tmp_path, monkeypatch):
    """Its warning that this is deprecated would fail the test."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    network = CoralDeepLab(small_coral.write(tmp_path, monkeypatch))
    assert network.describe()["runtime"].startswith("tensorflow 2.")
    classes = np.arange(TILE * TILE).reshape(TILE, TILE) % 19
    np.testing.assert_array_equal(network(picture(classes)), classes)


def test_files_with_another_digest_are_not_opened(tmp_path, monkeypatch):
    path = small_coral.write(tmp_path, monkeypatch)
    path.write_bytes(path.read_bytes()[:-100])  # the runtimes crash on some of these
    monkeypatch.setattr(coral_deeplab, "_open", lambda path: pytest.fail("opened"))
    with pytest.raises(InputError, match=r"small\.tflite: its SHA-256 is .* damaged"):
        CoralDeepLab(path)
    with pytest.raises(InputError, match=r"none\.tflite: no such file.*fetch https://"):
        CoralDeepLab(tmp_path / "none.tflite")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (dict(height=300), r"has inputs \[\(\(1, 300, 513, 3\), 'uint8'\)\]"),
        (dict(dtype="int32"), r"outputs \[\(\(1, 513, 513\), 'int32'\)\]; expected"),
    ],
)
def test_other_inputs_and_outputs_are_refused(tmp_path, monkeypatch, made, expected):
    path = small_coral.write(tmp_path, monkeypatch, small_coral.content(**made))
    with pytest.raises(InputError, match=expected):
        CoralDeepLab(path)


def test_what_no_runtime_reads_is_refused(tmp_path, monkeypatch):
    path = small_coral.write(tmp_path, monkeypatch, b"nothing")
    with pytest.raises(InputError, match=r"small\.tflite: .* cannot read it"):
        CoralDeepLab(path)
