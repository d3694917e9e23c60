"""SqueezeNet's file of Deep Compression, written by the test, and the network."""

import dataclasses

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.files.digests import sha256_of_files
from ccfpse_tf.models.perceptual import squeezenet as module
from ccfpse_tf.models.perceptual.squeezenet import read_compressed, squeezenet
from ccfpse_tf.models.perceptual.weight_files import perceptual_network_at_hand

SHAPES = [(2, 3, 1, 1), (4, 2, 5, 5)]


def compressed(kernels, biases) -> bytes:
    """The file of sparse kernels whose non-zero values are few.

    Gaps of more than 16 are bridged by values of code 0.
    """
    parts, counts = [], []
    for kernel, bias in zip(kernels, biases, strict=True):
        flat = kernel.ravel()
        values = sorted(set(flat[flat != 0].tolist()))
        codebook = np.zeros(256, "<f4")
        codebook[1 : len(values) + 1] = values
        codebook[0] = 7  # never read
        codes, gaps, last = [], [], -1
        for place in np.flatnonzero(flat):
            while place - last > 16:
                codes.append(0)
                gaps.append(15)
                last += 16
            codes.append(1 + values.index(flat[place]))
            gaps.append(place - last - 1)
            last = place
        counts.append(len(codes))
        nibbles = np.zeros(len(gaps) + len(gaps) % 2, np.uint8)
        nibbles[: len(gaps)] = gaps
        packed = nibbles[::2] | nibbles[1::2] << 4
        parts += [codebook.tobytes(), bias.astype("<f4").tobytes()]
        parts += [np.uint8(codes).tobytes(), packed.tobytes()]
    return np.array(counts, "<u4").tobytes() + b"".join(parts)


@pytest.fixture(scope="module")
def sparse():
    """Kernels with few values, the last one with long gaps, and biases."""
    random = np.random.default_rng(0)
    values = random.standard_normal(40).astype(np.float32)
    kernels = []
    for shape, share in zip(SHAPES, (0.8, 0.03), strict=True):
        kernel = random.choice(values, shape)
        kernels.append(np.where(random.random(shape) < share, kernel, 0))
    kernels[1][-1, -1, -1, -1] = values[0]
    return kernels, [random.standard_normal(shape[0]) for shape in SHAPES]


def test_kernels_and_biases_come_back(sparse, tmp_path):
    kernels, biases = sparse
    path = tmp_path / "a.net"
    path.write_bytes(compressed(kernels, biases))
    found = read_compressed(path, SHAPES)
    for (kernel, bias), wanted, other in zip(found, kernels, biases, strict=True):
        np.testing.assert_array_equal(kernel, wanted)
        np.testing.assert_array_equal(bias, other.astype(np.float32))
        assert kernel.dtype == bias.dtype == np.float32


def test_damaged_files_are_named(sparse, tmp_path):
    content = compressed(*sparse)
    path = tmp_path / "damaged.net"
    for damaged, message in (
        (content[:-1], "ends after"),
        (content[:7], "ends after 7 bytes"),
        (b"", "ends after 0 bytes"),
        (content + b"x", "1 bytes are left"),
        # A count of 4 billion values must not be allocated.
        (b"\xff" * 4 + content[4:], "ends after"),
        (content[: -(len(content) // 8)] + b"\xff" * (len(content) // 8), "damaged"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=f"damaged.net: .*{message}"):
            read_compressed(path, SHAPES)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of the whole network with random values."""
    random = np.random.default_rng(1)
    values = np.linspace(-0.1, 0.1, 16, dtype=np.float32)
    shapes = module._shapes(module._network()[1])
    kernels = [random.choice(values, shape) for shape in shapes]
    biases = [random.uniform(0, 0.1, shape[0]) for shape in shapes]
    path = tmp_path_factory.mktemp("squeezenet") / "compressed_SqueezeNet.net"
    path.write_bytes(compressed(kernels, biases))
    return path


def test_the_network_has_the_levels_of_the_paper(weights, monkeypatch):
    file = dataclasses.replace(module.SQUEEZENET, sha256=sha256_of_files(weights))
    monkeypatch.setattr(module, "SQUEEZENET", file)
    names = ["conv1", "fire3", "fire5", "fire8", "fire9", "logits"]
    network = squeezenet(names, weights)
    assert network.count_params() == 1_248_424
    assert not network.trainable_weights
    image = np.random.default_rng(2).uniform(0, 255, (1, 64, 95, 3)).astype("float32")
    shapes = [tuple(x.shape[1:]) for x in network(image)]
    # Without padding 64 becomes 29; poolings round up: 29, 14, 7, 3 and 45, 22, 11, 5.
    assert shapes == [
        *((29, 45, 96), (14, 22, 128), (7, 11, 256), (7, 11, 512), (3, 5, 512)),
        (1000,),
    ]
    # The first layer by hand: the file's network takes BGR without its mean.
    (kernel, bias), *_ = read_compressed(weights, module._shapes(module._network()[1]))
    patch = image[0, 2:9, 4:11, ::-1] - [104.0, 117.0, 123.0]
    value = np.einsum("yxc,ocyx->o", patch, kernel) + bias
    np.testing.assert_allclose(network(image)[0][0, 1, 2], np.maximum(value, 0), 1e-3)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "compressed_SqueezeNet.net"
    path.write_bytes(b"other")
    with pytest.raises(InputError, match="SHA-256.*github.*compressed_SqueezeNet.net"):
        squeezenet(["conv1"], path)


def test_recipes_without_download_take_it_where_it_was_downloaded(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert perceptual_network_at_hand() == "off"
    path = tmp_path / "ccfpse_tf" / "compressed_SqueezeNet.net"
    path.parent.mkdir()
    path.touch()
    assert perceptual_network_at_hand() == "squeezenet"
