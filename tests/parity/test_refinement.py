"""Parts of the copied fixtures of CRN and SIMS, which as a whole are slow."""

import functools
import json
from pathlib import Path

import pytest

from tests.parity import __main__ as parity
from tests.parity import crn, sims

FOLDER = Path(__file__).parent.parent / "fixtures" / "baselines"


def fixture_of(name):
    entry = json.loads((FOLDER / "manifest.json").read_text())["files"][name]
    return parity.Fixture(FOLDER / name, entry)


def check(found, least):
    found = list(found)
    beyond = [f"{x.name}: {x.error:.2e}" for x in found if not x.passed]
    assert len(found) >= least and not beyond, beyond[:20]


def test_a_cascade_has_the_official_images_losses_and_gradients():
    check(crn._forward(fixture_of("crn.npz"), "single", "float64"), 60)


def test_a_refinement_network_has_the_official_losses_and_gradients():
    check(sims._forward(fixture_of("sims_synthesis.npz"), "base", "float64"), 100)


@pytest.mark.parametrize("kind", ["sims_order", "sims_transformer"])
def test_optional_networks_are_skipped_with_the_reason(kind):
    fixture = parity.Fixture(FOLDER / "absent.npz", {"kind": kind})
    run = functools.partial(parity.runner_of([], kind), fixture)
    with pytest.raises(ImportError, match=f"{kind}: .*is left out"):
        list(run())
