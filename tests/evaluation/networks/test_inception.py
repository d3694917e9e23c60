"""The Inception graph, tested by a small graph with its names and old operations.

`inception_graph.py` beside this file says what the two graphs have in common.
"""

import hashlib
import io
import tarfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.networks import graph_file
from ccfpse_tf.evaluation.networks.inception import InceptionFeatures
from tests.evaluation.networks.inception_graph import (
    FILE,
    inception_graph,
    session_features,
)


@pytest.fixture(scope="module")
def definition():
    return inception_graph()


@pytest.fixture(scope="module")
def graph_path(definition, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / FILE
    path.write_bytes(definition.SerializeToString())
    return path


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (3, 40, 56, 3), np.uint8)


def close(found, expected):
    assert found.shape == expected.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


def test_tf1_is_what_a_session_gives(definition, graph_path, images):
    network = InceptionFeatures(graph_path)
    expected = session_features(definition, images.astype(np.float32))
    assert expected.std() > 0.1  # the graph does not give the same for everything
    close(network(images), expected)
    close(network(images[:1, :20]), session_features(definition, images[:1, :20]))
    digest = hashlib.sha256(graph_path.read_bytes()).hexdigest()
    assert network.protocol() == {
        "network": "inception-2015-12-05",
        "sha256": digest,
        "resize": "tf1",
    }
    assert (network.frechet_name, network.kernel_name) == ("FID", "KID")


def test_the_old_batch_normalisation_without_scale(tmp_path, images):
    definition = inception_graph(gamma=False)
    (tmp_path / FILE).write_bytes(definition.SerializeToString())
    expected = session_features(definition, images.astype(np.float32))
    close(InceptionFeatures(tmp_path)(images), expected)  # a folder will do


def half_pixel(image, side=299):
    """Bilinear by ``(i + 0.5) * have / side - 0.5``, clamped, in float64."""
    for axis in (0, 1):
        have = image.shape[axis]
        at = np.clip((np.arange(side) + 0.5) * have / side - 0.5, 0, have - 1)
        low = np.floor(at).astype(int)
        weight = (at - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        high = np.minimum(low + 1, have - 1)
        image = image.take(low, axis) * (1 - weight) + image.take(high, axis) * weight
    return image


def test_pytorch_fid_resizes_and_scales_as_it_does(definition, graph_path, images):
    # What the first convolution shall see; fed to Mul:0, behind the graph's own.
    seen = [2 * half_pixel(image / 255.0) - 1 for image in images]
    expected = session_features(definition, np.float32(seen), "Mul:0")
    close(InceptionFeatures(graph_path, "pytorch-fid")(images), expected)


def test_clean_fid_resizes_as_pillow_does_in_float(definition, graph_path):
    large = np.random.default_rng(2).integers(0, 256, (2, 350, 400, 3), np.uint8)
    seen = [
        np.stack(
            [
                Image.fromarray(image[..., channel].astype(np.float32)).resize(
                    (299, 299), Image.Resampling.BICUBIC
                )
                for channel in range(3)
            ],
            -1,
        )
        for image in large
    ]
    assert np.min(seen) < 0  # overshoots are kept
    expected = session_features(definition, (np.float32(seen) - 128) / 128, "Mul:0")
    close(InceptionFeatures(graph_path, "clean-fid")(large), expected)


def test_the_variants_differ(graph_path, images):
    found = [
        InceptionFeatures(graph_path, name)(images)
        for name in ("tf1", "pytorch-fid", "clean-fid")
    ]
    for first, second in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(found[first] - found[second]).max() > 0.01


def archive(path, members):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                file.addfile(member)
            else:
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return path


def test_the_publishers_archive_is_read_without_unpacking(
    graph_path, tmp_path, images, monkeypatch
):
    content = graph_path.read_bytes()
    path = archive(
        tmp_path / graph_file.ARCHIVE, {"../../outside": b"x", f"./{FILE}": content}
    )
    asked = []
    monkeypatch.setattr(
        graph_file.keras.utils, "get_file", lambda *x: asked.append(x) or str(path)
    )
    digest = hashlib.sha256(content).hexdigest()
    found = InceptionFeatures(sha256=digest.upper())(images)  # None: downloads
    assert asked == [("inception-2015-12-05.tgz", graph_file.URL)]
    assert np.array_equal(found, InceptionFeatures(graph_path)(images))
    assert [x.name for x in tmp_path.iterdir()] == [path.name]
    assert not (tmp_path.parent.parent / "outside").exists()


def test_a_failed_download_names_the_way_out(monkeypatch):
    def fail(*_):
        raise OSError("no route to host")

    monkeypatch.setattr(graph_file.keras.utils, "get_file", fail)
    with pytest.raises(InputError, match=r"no route.*inception-2015-12-05\.tgz on any"):
        InceptionFeatures()


def other_graph(**options):
    return inception_graph(**options).SerializeToString()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no tensor ExpandDims:0"),
        (b"no graph", "is not the graph"),
        (lambda: other_graph(features=64), r"\(2, 1, 1, 64\), not \(2, 1, 1, 2048\)"),
        (lambda: other_graph(scale=1 / 127.5), "less 128, divided by 128"),
        (lambda: other_graph(mean=0.0), "less 128, divided by 128"),
        (lambda: other_graph()[:-5000], "is not the graph"),
    ],
)
def test_another_graph_is_refused(content, message, tmp_path):
    (tmp_path / FILE).write_bytes(content if isinstance(content, bytes) else content())
    with pytest.raises(InputError, match=message):
        InceptionFeatures(tmp_path / FILE)


def test_a_graph_whose_features_do_not_see_the_image_is_refused(definition, tmp_path):
    cut = tf.compat.v1.GraphDef()
    cut.CopyFrom(definition)
    for node in cut.node:
        if node.name == "ResizeBilinear":
            node.input[0] = "elsewhere"
    cut.node.add(name="elsewhere", op="Placeholder").attr["dtype"].type = 1
    (tmp_path / FILE).write_bytes(cut.SerializeToString())
    with pytest.raises(InputError, match="do not depend on ExpandDims:0"):
        InceptionFeatures(tmp_path)


def test_files_that_cannot_be_had(graph_path, tmp_path):
    with pytest.raises(InputError, match="nothing.pb does not exist; fetch http"):
        InceptionFeatures(tmp_path / "nothing.pb")
    with pytest.raises(InputError, match="holds neither classify_image_graph_def.pb"):
        InceptionFeatures(tmp_path)
    with pytest.raises(InputError, match="graph's SHA-256 is .*, not 0123"):
        InceptionFeatures(graph_path, sha256="0123")
    with pytest.raises(InputError, match="'bicubic' for FID: choose from tf1, pytorch"):
        InceptionFeatures(graph_path, "bicubic")
    linked = archive(tmp_path / "linked.tgz", {FILE: None, "other.pb": b"x"})
    with pytest.raises(InputError, match="linked.tgz does not hold classify_image"):
        InceptionFeatures(linked)
    whole = archive(tmp_path / "whole.tgz", {FILE: graph_path.read_bytes()})
    whole.write_bytes(whole.read_bytes()[:-20_000])
    with pytest.raises(InputError, match="whole.tgz cannot be read.*delete it"):
        InceptionFeatures(whole)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 8, 8, 3), np.float32),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 4), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(images, graph_path):
    with pytest.raises(InputError, match=r"not uint8 RGB \(batch"):
        InceptionFeatures(graph_path)(images)
