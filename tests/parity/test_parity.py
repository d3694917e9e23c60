"""The copied reference fixtures, and the runner's own behaviour."""

import functools
from pathlib import Path

import numpy as np
import pytest

from tests.parity import __main__ as parity
from tests.parity import checks, networks, training
from tests.parity import fixture as build
from tests.parity.checks import Check, absolute, relative

FOLDER = Path(__file__).parent.parent / "fixtures"
FOLDERS = FOLDER, FOLDER / "baselines"  # of CC-FPSE, and of the other methods
SLOW = (
    "full_coco_G.npz",
    "generator.npz",
    "trajectory_more_novae.npz",
    "trajectory_vae.npz",
    "spade_trajectory_vae.npz",
    "ablation_cc_multiscale.npz",
    "pix2pixhd_trajectory_local_feat.npz",
    "crn.npz",
    "sims_synthesis.npz",
)
VARIANT = "normal_vae"  # depth 5, 64x64, with style code
CASES = [
    pytest.param(name, run, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
    for folder in FOLDERS
    for name, run in parity.fixtures(folder)
]


@pytest.mark.parametrize(("name", "run"), CASES)
def test_equals_the_official_implementation(name, run):
    found = list(run())
    assert found
    beyond = [x for x in found if not x.passed]
    assert not beyond, [f"{x.name}: {x.error:.2e}" for x in beyond[:20]]


def fixture_of(name):
    entry = parity.json.loads((FOLDER / "manifest.json").read_text())["files"][name]
    return parity.Fixture(FOLDER / name, entry)


def test_a_generator_equals_the_official_one_with_all_gradients():
    """One of the eight cases of ``generator.npz``, which is among the slow ones."""
    fixture = fixture_of("generator.npz")
    compare = functools.partial(
        networks._generator, fixture, build.generator, VARIANT, "train"
    )
    found = list(checks.across_kinks(compare))
    beyond = [f"{x.name}: {x.error:.2e}" for x in found if not x.passed]
    assert len(found) > 100 and not beyond, beyond[:20]


@pytest.mark.slow
def test_a_training_in_float64_is_the_official_one():
    """The float32 half, which is chaotic, is among the slow ones above."""
    found = list(training.exact_trajectory(fixture_of("trajectory_vae.npz")))
    beyond = [f"{x.name}: {x.error:.2e}" for x in found if not x.passed]
    assert len(found) > 30 and not beyond, beyond[:20]


def test_float64_takes_over_in_the_first_iteration_at_its_kinks_only(monkeypatch):
    names = ["iter1_grad/G/a", "iter1_grad/D/b", "losses/D_Fake 1", "fake_Gstep 2"]
    names += ["fake_Gstep 1", "losses/GAN 1"]  # before any gradient
    names += ["1 - cosine of G's update", "losses/D_Fake 3"]  # of the free run
    found = [Check(name, 2.0, 1.0) for name in names] + [Check("fake_Dstep 1", 0, 1)]
    exact = [Check(check.name, 0.5, 1.0) for check in found]

    def taken(in_generator, in_all):
        flips = in_generator, in_all
        monkeypatch.setattr(training, "_flips_in_step", lambda *_: flips)
        kept = training._across_kinks(None, found, exact, [None])
        kept = zip(found, kept, strict=True)
        return [before.name for before, after in kept if after is not before]

    assert taken(0, 0) == []
    assert taken(0, 1) == ["iter1_grad/D/b", "losses/D_Fake 1"]
    assert taken(1, 2) == ["iter1_grad/G/a", "iter1_grad/D/b", "losses/D_Fake 1"]


def test_float64_takes_over_at_kinks_of_later_steps_from_its_state(monkeypatch):
    names = ["fake_Dstep 2", "losses/D_Fake 3", "losses/GAN 3", "fake_Gstep 3"]
    found = [Check(name + training.GUIDED, 2.0, 1.0) for name in names]
    exact = [Check(name, 0.5, 1.0) for name in names]
    flips = {"first": (0, 1), "second": (0, 2), "third": (3, 4)}
    monkeypatch.setattr(training, "_flips_in_step", lambda _, state: flips[state])
    kept = list(training._across_kinks(None, found, exact, list(flips)))
    assert [check.passed for check in kept] == [False, True, False, False]
    assert "4 ReLU inputs" in kept[1].name


def test_all_copied_fixtures_are_known():
    for folder in FOLDERS:
        manifest = parity.json.loads((folder / "manifest.json").read_text())
        for name, entry in manifest["files"].items():
            keys = parity.Fixture(folder / name, entry).data
            assert parity.runner_of(keys, entry.get("kind")) is not None, name


def test_a_wrong_number_fails():
    assert not absolute("x", [1.0, 2.0], [1.0, 2.1], 1e-3).passed
    assert not absolute("nan", [np.nan], [1.0], 1e-3).passed
    assert not absolute("shape", [1.0], [[1.0]], 1e-3).passed
    assert relative("x", [1000.0, 1.0], [1000.0, 1.01], 1e-4).passed
    assert not relative("x", [1000.0, 1.0], [1000.0, 1.2], 1e-4).passed


def test_the_worst_check_is_shown_and_counted():
    line = parity.report("a.npz", [Check("good", 1e-9, 1e-6), Check("bad", 2, 1)], 0.0)
    assert line.startswith("FAIL") and "at bad" in line and "1 beyond" in line


def test_the_kind_in_the_manifest_comes_before_the_keys():
    keys = ["fake_Gstep"]
    assert parity.runner_of(keys) is training.trajectory
    found = parity.runner_of(keys, "spade_losses")
    assert found is parity.KINDS["spade_losses"]
    assert parity.runner_of(keys, "of another project") is None


def test_several_folders_have_one_total(tmp_path, capsys):
    for name, value in (("good", 0), ("bad", 1)):
        folder = tmp_path / name
        folder.mkdir()
        x, y = np.full((2, 1, 1, 1, 1), -1, np.float32)
        np.savez(folder / "tensor2im.npz", x=x, y=y * 0 + value)
        (folder / "manifest.json").write_text(
            '{"files": {"tensor2im.npz": {"config": null}}}'
        )
    assert parity.main([str(tmp_path / "good"), str(tmp_path / "bad")]) == 1
    assert capsys.readouterr().out.endswith("1 passed, 1 failed\n")
    assert parity.main([str(tmp_path / "good")] * 2) == 0
    assert capsys.readouterr().out.endswith("2 passed, 0 failed\n")


def test_a_folder_without_manifest_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as error:
        parity.main([str(tmp_path)])
    assert error.value.code == 2
    assert "no manifest.json" in capsys.readouterr().err


def test_the_exit_status_counts_failures(tmp_path, capsys):
    np.savez(tmp_path / "tensor2im.npz", x=np.zeros((1, 3, 1, 1), np.float32), y=[[1]])
    (tmp_path / "manifest.json").write_text(
        '{"files": {"tensor2im.npz": {"config": null}}}'
    )
    assert parity.main([str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith("0 passed, 1 failed\n")
