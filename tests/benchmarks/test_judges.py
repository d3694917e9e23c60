"""The comparison of measures on degraded photographs, with tiny networks."""

import numpy as np
import pytest

from benchmarks import judges
from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation import evaluate as module
from tests.evaluation import tiny
from tests.evaluation.networks import small_st_lpips

KINDS = {kind: list(judges.KINDS[kind].items()) for kind in judges.KINDS}


def photo():
    return np.random.default_rng(0).integers(60, 200, (24, 40, 3)).astype(np.uint8)


def degraded(name, image, seed=0):
    return judges.DEGRADATIONS[name](image, np.random.default_rng(seed))


@pytest.mark.parametrize("name", judges.DEGRADATIONS)
def test_degradations_keep_shape_and_depend_on_the_seed_only(name):
    found = degraded(name, photo())
    assert found.shape == photo().shape and found.dtype == np.uint8
    np.testing.assert_array_equal(found, degraded(name, photo()))
    assert (found == photo()).all() == (name == judges.UNCHANGED)


def test_noise_has_its_deviation_and_differs_between_seeds():
    grey = np.full((64, 64, 3), 128, np.uint8)
    found = degraded("noise, sd 15", grey)
    assert 14 < found.std() < 16 and abs(found.mean() - 128) < 1
    assert (found != degraded("noise, sd 15", grey, seed=1)).any()


def test_colours_are_shifted_and_clipped():
    image = np.array([[[100, 100, 100], [250, 5, 0]]], np.uint8)
    assert degraded("colour, small", image).tolist() == [[[115, 90, 105], [255, 0, 5]]]
    assert degraded("colour, large", image).tolist() == [[[145, 70, 115], [255, 0, 15]]]


@pytest.mark.parametrize("kind", ["blur", "down"])
def test_stronger_smoothing_leaves_less_detail_of_the_same_mean(kind):
    detail = [photo().std()]
    for name, _ in KINDS[kind]:
        found = degraded(name, photo())
        assert abs(found.mean() - photo().mean()) < 2
        detail.append(found.std())
    assert detail == sorted(detail, reverse=True)
    flat = np.full((9, 5, 3), 77, np.uint8)
    assert (degraded(KINDS[kind][-1][0], flat) == 77).all()


@pytest.fixture
def options(tmp_path, monkeypatch):
    """Records and networks that take a second; two degradations."""
    records = tiny.make_records(tmp_path)
    segmenter, features = tiny.make_segmenter(tmp_path), tiny.make_features(tmp_path)
    small_st_lpips.narrow(monkeypatch)
    small_st_lpips.write(tmp_path / "alex.pth", monkeypatch)
    kinds = {"noise": dict(KINDS["noise"][1:])}
    monkeypatch.setattr(judges, "KINDS", kinds)
    names = [judges.UNCHANGED, *kinds["noise"]]
    few = {name: judges.DEGRADATIONS[name] for name in names}
    monkeypatch.setattr(judges, "DEGRADATIONS", few)
    return {
        "--records": records,
        "--out": tmp_path / "out",
        "--size": "64x64",
        "--segmenter": segmenter,
        "--features": features,
        "--st-lpips": f"alex:{tmp_path / 'alex.pth'}",
    }


def run(options):
    return judges.main([str(part) for pair in options.items() for part in pair])


def test_the_table_of_real_evaluations_goes_on_and_is_kept_apart(
    options, monkeypatch, capsys
):
    with pytest.raises(InputError, match="gone.keras: no such file"):
        run(options | {"--segmenter": "gone.keras"})
    with monkeypatch.context() as patch:
        real, calls = module.evaluate, []

        def stopped(*arguments):
            calls.append(arguments)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return real(*arguments)

        patch.setattr(module, "evaluate", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(options)
    assert run(options) == 0
    printed = capsys.readouterr().out
    assert "mean_iou | pixel_accuracy | frechet_distance[" in printed
    assert "| none | 100.0 | 100.0 | 0.0 |" in printed
    for name in judges.DEGRADATIONS:
        assert f"| {name} |" in printed
    # All is there: nothing is opened again.
    monkeypatch.setattr(module, "evaluate", None)
    before = {path: path.read_bytes() for path in _files(options)}
    assert run(options) == 0
    with pytest.raises(InputError, match="other settings.*\n  count: there None"):
        run(options | {"--count": 3})
    assert {path: path.read_bytes() for path in _files(options)} == before


def _files(options):
    return [path for path in options["--out"].rglob("*") if path.is_file()]


def test_bad_options_leave_nothing(options):
    with pytest.raises(InputError, match="no split 'test'; it has train, val"):
        run(options | {"--split": "test"})
    with pytest.raises(InputError, match="own sizes: add --size HxW"):
        run({key: value for key, value in options.items() if key != "--size"})
    with pytest.raises(InputError, match="--count 1: distances need 2 or more"):
        run(options | {"--count": 1})
    assert not options["--out"].exists()


def test_orders_that_are_not_expected_are_named(monkeypatch):
    monkeypatch.setattr(judges, "KINDS", {"noise": judges.KINDS["noise"]})
    names = [judges.UNCHANGED, *judges.KINDS["noise"]]
    found = {
        name: {"mean_iou": 0.5 - 0.1 * i, "kid_lite0": 0.1 * i}
        for i, name in enumerate(names)
    }
    good = ["Every measure finds more of each degradation worse."]
    assert judges.surprises(found) == good
    found["noise, sd 40"]["mean_iou"] = 0.35
    found["noise, sd 5"]["kid_lite0"] = 0.2
    assert judges.surprises(found) == [
        "Not as expected: mean_iou is 30.0 with 'noise, sd 15', and 35.0 with 'noise, "
        "sd 40'.",
        "Not as expected: kid_lite0 is 0.2000 with 'noise, sd 5', and 0.2000 with "
        "'noise, sd 15'.",
    ]
