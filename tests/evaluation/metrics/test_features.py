"""From images to statistics: samples, files, feature networks of the user."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.metrics.features import (
    FeatureStatistics,
    FeatureSummary,
    collect,
    read_summary,
    reference_summary,
    write_summary,
)
from ccfpse_tf.evaluation.metrics.kernel_distance import mmd
from ccfpse_tf.evaluation.metrics.reservoir import Reservoir
from ccfpse_tf.evaluation.networks.feature_file import FeatureFile
from ccfpse_tf.files.arrays import read_arrays, write_arrays

KEYS = [f"frankfurt/{i:03d}" for i in range(60)]
FEATURES = np.random.default_rng(0).standard_normal((60, 4)).astype(np.float32)


def reservoir_of(order, size=20, seed=0, batch=7):
    result = Reservoir(4, size, seed)
    for part in np.split(order, range(batch, len(order), batch)):
        result.update([KEYS[i] for i in part], FEATURES[part])
    return result


def test_the_sample_depends_on_keys_and_seed_alone():
    order = np.arange(60)
    expected = reservoir_of(order).features()
    assert expected.shape == (20, 4) and expected.dtype == np.float32
    rows = {row.tobytes() for row in FEATURES}
    assert len({row.tobytes() for row in expected} & rows) == 20
    shuffled = np.random.default_rng(1).permutation(60)
    assert np.array_equal(reservoir_of(shuffled, batch=11).features(), expected)
    shards = [reservoir_of(part, batch=3) for part in np.split(shuffled, [10, 35])]
    merged = Reservoir.from_state(shards[2].state())
    merged.merge(shards[0])
    merged.merge(shards[1])
    assert np.array_equal(merged.features(), expected)
    assert not np.array_equal(reservoir_of(order, seed=1).features(), expected)


def test_every_image_is_sampled_equally_often():
    counts = np.zeros(60)
    for seed in range(400):
        chosen = reservoir_of(np.arange(60), seed=seed, batch=60).features()
        counts += [(row == chosen).all(1).any() for row in FEATURES]
    # Binomial of 400 and 1/3: 133 and a deviation of 9.4.
    assert counts.sum() == 400 * 20 and 90 < counts.min() and counts.max() < 180


def test_all_images_are_kept_if_they_fit():
    kept = reservoir_of(np.arange(60), size=60).features()
    assert sorted(map(tuple, kept.tolist())) == sorted(map(tuple, FEATURES.tolist()))


def test_an_image_counted_twice_is_found():
    reservoir = reservoir_of(np.arange(10))
    with pytest.raises(InputError, match="image 'frankfurt/003' is there twice"):
        reservoir.update(KEYS[3:4], FEATURES[3:4])
    with pytest.raises(InputError, match="is there twice"):
        reservoir.merge(reservoir_of(np.arange(9, 12)))
    with pytest.raises(ValueError, match=r"\(4, 30, 0\) into \(4, 20, 0\)"):
        reservoir.merge(Reservoir(4, 30))
    with pytest.raises(InputError, match="2 keys for 1 features"):
        reservoir.update(["a", "b"], FEATURES[:1])
    with pytest.raises(InputError, match="are not a sample"):
        state = reservoir.state()
        Reservoir.from_state(state | {"priorities": state["priorities"][::-1]})


def test_statistics_are_resumed_and_merged(tmp_path):
    whole = FeatureStatistics(4, sample=20)
    whole.update(KEYS, FEATURES)
    first = FeatureStatistics(4, sample=20)
    first.update(KEYS[:25], FEATURES[:25])
    write_arrays(tmp_path / "state.npz", first.state())
    first = FeatureStatistics.from_state(read_arrays(tmp_path / "state.npz"))
    second = FeatureStatistics(4, sample=20)
    second.update(KEYS[25:], FEATURES[25:])
    second.merge(first)
    assert second.count == 60
    found, expected = second.summary(), whole.summary()
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-14)
    np.testing.assert_allclose(found.covariance, expected.covariance, atol=1e-14)
    assert np.array_equal(found.features, expected.features)
    assert abs(found.frechet_distance(expected)) < 1e-12
    broken = second.state() | Reservoir(3).state()
    broken |= {f"reservoir_{k}": v for k, v in Reservoir(3).state().items()}
    with pytest.raises(InputError, match="other dimensions"):
        FeatureStatistics.from_state(broken)


class Channels:
    """A feature network of four numbers per image, and a count of its calls."""

    def __init__(self, sha256="0" * 64):
        self.sha256 = sha256
        self.calls = 0

    def protocol(self):
        return {"network": "channels", "sha256": self.sha256, "resize": "none"}

    def __call__(self, images):
        self.calls += 1
        x = images.astype(np.float32) / 255
        return np.concatenate([x.mean((1, 2)), x[..., 0].std((1, 2))[:, None]], 1)


def batches(*shapes):
    rng = np.random.default_rng(2)
    for number, (count, height, width) in enumerate(shapes):
        images = rng.integers(0, 256, (count, height, width, 3), np.uint8)
        yield [f"{number}/{i}" for i in range(count)], images


SHAPES = ((4, 8, 8), (1, 5, 9), (6, 8, 4))


def test_batches_and_sizes_may_vary():
    network = Channels()
    found = collect(network, batches(*SHAPES)).summary()
    features = np.concatenate([network(images) for _, images in batches(*SHAPES)])
    np.testing.assert_allclose(found.mean, features.mean(0), rtol=1e-6)
    np.testing.assert_allclose(
        found.covariance, np.cov(features, rowvar=False), rtol=1e-5, atol=1e-9
    )
    assert found.count == len(found.features) == 11
    with pytest.raises(InputError, match="there are no images"):
        collect(network, [])


SOURCE = {"records": "folder", "split": "val", "size": (8, 8)}


def test_the_reference_is_made_once(tmp_path):
    path, network = tmp_path / "real.npz", Channels()
    made = reference_summary(path, SOURCE, network, batches(*SHAPES))
    assert network.calls == 3
    read = reference_summary(path, SOURCE, network, None)
    assert network.calls == 3
    for name in ("mean", "covariance", "features"):
        assert np.array_equal(getattr(made, name), getattr(read, name))
    assert read.count == 11 and read.provenance == made.provenance
    assert made.kernel_distance(read).mean == pytest.approx(
        mmd(made.features, read.features)
    )
    assert [x.name for x in tmp_path.iterdir()] == ["real.npz"]


def test_other_programs_read_the_reference(tmp_path):
    """pytorch-fid and TTUR read mu and sigma of the file by name."""
    path = tmp_path / "real.npz"
    made = reference_summary(path, SOURCE, Channels(), batches(*SHAPES))
    with np.load(path) as file:
        mean, covariance = file["mu"][:], file["sigma"][:]
    assert mean.shape == (4,) and covariance.shape == (4, 4)
    assert mean.dtype == covariance.dtype == np.float64
    assert np.array_equal(mean, made.mean)
    assert np.array_equal(covariance, made.covariance)


def test_a_reference_of_something_else_is_refused(tmp_path):
    path, network = tmp_path / "real.npz", Channels()
    reference_summary(path, SOURCE, network, batches(*SHAPES))
    before = path.read_bytes()
    for source, other, options, message in (
        (SOURCE | {"split": "train"}, network, {}, "source: the file has .*'val'"),
        (SOURCE, Channels("1" * 64), {}, "sha256: the file has '0000"),
        (SOURCE, network, {"sample": 7}, "sample: the file has 5000, now 7"),
        (SOURCE, network, {"seed": 7}, "seed: the file has 0, now 7"),
    ):
        with pytest.raises(InputError, match=message) as error:
            reference_summary(path, source, other, None, **options)
        assert "statistics of something else" in str(error.value)
        assert str(error.value).count("the file has") == 1
    assert path.read_bytes() == before


def test_a_reference_that_nobody_named_is_made_anew(tmp_path):
    path, network = tmp_path / "real.npz", Channels()
    reference_summary(path, SOURCE, network, batches(*SHAPES), own=True)
    other = SOURCE | {"images": 5}
    made = reference_summary(path, other, network, batches(SHAPES[0]), own=True)
    assert made.count == 4
    assert read_summary(path).provenance["source"]["images"] == 5
    # But what another program wrote is not overwritten.
    np.savez(path, mu=np.zeros(4), sigma=np.eye(4))
    with pytest.raises(InputError, match="does not say what its numbers were made of"):
        reference_summary(path, SOURCE, network, batches(*SHAPES), own=True)


def test_statistics_of_another_program(tmp_path):
    path = tmp_path / "published.npz"
    np.savez(path, mu=np.zeros(4), sigma=np.eye(4))
    published = read_summary(path)
    assert (published.count, published.features, published.provenance) == (None,) * 3
    own = FeatureSummary(np.array([2.0, 0, 0, 0]), np.eye(4))
    assert own.frechet_distance(published) == pytest.approx(4)
    with pytest.raises(InputError, match="a kernel distance needs features"):
        own.kernel_distance(published)
    with pytest.raises(InputError, match="does not say what its numbers were made of"):
        reference_summary(path, SOURCE, Channels(), None)


def test_damaged_files_are_named(tmp_path):
    good = tmp_path / "good.npz"
    write_summary(good, collect(Channels(), batches(*SHAPES)).summary({"a": 1}))
    content = good.read_bytes()
    for name, damaged in (("cut", content[:-300]), ("none", b""), ("text", b"mu")):
        path = tmp_path / f"{name}.npz"
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=f"{name}.npz is not a readable .npz file"):
            read_summary(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(InputError, match="array.npy is not a readable .npz file"):
        read_summary(tmp_path / "array.npy")
    with pytest.raises(InputError, match="absent.npz does not exist"):
        read_summary(tmp_path / "absent.npz")
    arrays = read_arrays(good)
    for changes, message in (
        ({"sigma": np.eye(3)}, r"'sigma' has the shape \(3, 3\), not \(4, 4\)"),
        ({"features": np.zeros((2, 3))}, "'features' has the shape"),
        ({"provenance": np.array("{")}, "is damaged"),
        ({"mu": np.array([{}], object)}, "is not a readable .npz"),  # pickled
    ):
        np.savez(tmp_path / "bad.npz", **(arrays | changes))
        with pytest.raises(InputError, match=message):
            read_summary(tmp_path / "bad.npz")


@pytest.fixture(scope="module")
def own_network(tmp_path_factory):
    """A network of the user in both formats: mean colour, and its square."""
    folder = tmp_path_factory.mktemp("own")
    images = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D()(images / 255.0)
    model = keras.Model(images, keras.layers.Concatenate()([mean, mean**2]))
    model.save(folder / "colours.keras")
    model.export(folder / "colours", verbose=False)
    return folder


@pytest.mark.parametrize("file", ["colours.keras", "colours"])
def test_a_network_of_the_user(file, own_network):
    network = FeatureFile(own_network / file)
    images = np.random.default_rng(3).integers(0, 256, (5, 6, 8, 3), np.uint8)
    mean = (images / 255).mean((1, 2))
    found = network(images)
    np.testing.assert_allclose(found, np.concatenate([mean, mean**2], 1), rtol=1e-5)
    assert found.dtype == np.float32 and network.dimensions == 6
    assert network.frechet_name == "frechet_distance[colours]"
    assert network.kernel_name == "kernel_distance[colours]"
    again = FeatureFile(own_network / file, "mine")
    assert again.frechet_name == "frechet_distance[mine]"
    assert again.protocol() == network.protocol() | {"network": "mine"}
    assert json.dumps(network.protocol())
    with pytest.raises(InputError, match="not uint8 RGB"):
        network(images / 255)


def test_the_digest_follows_the_content(own_network, tmp_path):
    network = FeatureFile(own_network / "colours")
    variables = own_network / "colours" / "note.txt"
    variables.write_text("changed")
    try:
        assert FeatureFile(own_network / "colours").sha256 != network.sha256
    finally:
        variables.unlink()
    assert FeatureFile(own_network / "colours").sha256 == network.sha256


def test_networks_that_give_no_vectors(tmp_path):
    with pytest.raises(InputError, match="absent.keras does not exist"):
        FeatureFile(tmp_path / "absent.keras")
    (tmp_path / "text.keras").write_text("no network")
    with pytest.raises(InputError, match="text.keras cannot be loaded as a feature"):
        FeatureFile(tmp_path / "text.keras")
    with pytest.raises(InputError, match="cannot be loaded as a feature network"):
        FeatureFile(tmp_path)
    images = np.zeros((2, 4, 4, 3), np.uint8)
    inputs = keras.Input((4, 4, 3))
    for name, output, message in (
        ("maps", inputs * 2, r"makes \[\(2, 4, 4, 3\)\] of 2 images"),
        (
            "two",
            [keras.layers.Flatten()(inputs)] * 2,
            r"makes \[\(2, 48\), \(2, 48\)\]",
        ),
        (
            "one",
            keras.ops.reshape(keras.ops.mean(inputs, (0, 1, 2)), (1, 3)),
            r"makes \[\(1, 3\)\] of 2",
        ),
    ):
        keras.Model(inputs, output).save(tmp_path / f"{name}.keras")
        with pytest.raises(InputError, match=message):
            FeatureFile(tmp_path / f"{name}.keras")(images)
    network = FeatureFile(tmp_path / "maps.keras")
    with pytest.raises(InputError, match="does not take float32 images of the shape"):
        network(np.zeros((2, 9, 4, 3), np.uint8))


def test_features_of_another_width_are_refused(tmp_path):
    inputs = keras.Input((None, None, 3))
    keras.Model(inputs, keras.ops.reshape(inputs, (2, -1))).save(tmp_path / "x.keras")
    network = FeatureFile(tmp_path / "x.keras")
    network(np.zeros((2, 4, 4, 3), np.uint8))
    with pytest.raises(InputError, match="makes 75 features of these images and 48"):
        network(np.zeros((2, 5, 5, 3), np.uint8))


def test_tensors_are_features_too():
    statistics = FeatureStatistics(4)
    statistics.update(KEYS, tf.constant(FEATURES))
    assert statistics.count == 60
