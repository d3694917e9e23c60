"""PyTorch's plain networks are those of our methods: the same weights in number."""

import math

import numpy as np
import pytest

from benchmarks import method_models, other_methods, results
from benchmarks.command import run
from benchmarks.models import Network

torch = pytest.importorskip(
    "torch", reason="PyTorch is optional: pip install '.[bench]'"
)

SMALL = Network(5, (64, 64), ngf=2, ndf=2, hidden=4)
# Of COCO-Stuff: as published, CRN for one image and SIMS with all classes' scores.
FULL_SIZE = {
    "spade": (97_480_899, 5_904_514),
    "pix2pixhd": (183_010_883, 5_906_306),
    "crn": (106_888_731 - 24 * 513, None),
    "sims": (60_271_831 + 163 * 257, None),
}


def count(part):
    """Numbers that are trained in a network of ours or of PyTorch's."""
    if part is None:
        return None
    if isinstance(part, torch.nn.Module):
        return sum(one.numel() for one in part.parameters())
    return sum(math.prod(one.shape) for one in part.trainable_variables)


def counts(system):
    return count(system.generator), count(system.discriminator)


@pytest.mark.parametrize("method", other_methods.METHODS)
def test_both_sides_have_the_same_weights(method):
    theirs = other_methods.torch_system(method)(SMALL, trained=True)
    assert counts(method_models.model_of(method, SMALL, trained=True)) == counts(theirs)


@pytest.mark.parametrize("method", other_methods.METHODS)
def test_full_size_is_the_published_one(method):
    with torch.device("meta"):
        system = other_methods.torch_system(method)(Network(), trained=True)
    assert counts(system) == FULL_SIZE[method]


@pytest.mark.parametrize("method", other_methods.METHODS)
def test_plain_networks_draw_and_are_trained(method):
    image = other_methods.torch_call(method, "inference", SMALL)()
    assert image.shape == (1, 3, 64, 64)
    assert math.isfinite(other_methods.torch_call(method, "training", SMALL)())


def test_ours_is_called_on_the_same_batch():
    ours, needed = other_methods.our_call("crn", "inference", SMALL)
    assert ours().shape == (1, 64, 64, 3)
    assert needed > 0


@pytest.mark.slow
@pytest.mark.parametrize("method", other_methods.METHODS)
def test_a_small_model_goes_through(method, tmp_path, repository, monkeypatch):
    monkeypatch.chdir(repository)
    changes = [f'methods=["{method}"]', "image_size=[64, 64]", "width=2", "rounds=5"]
    changes += ["label_channels=5"]
    arguments = ["--out", str(tmp_path), "--set", *changes]
    assert run(other_methods.BENCHMARK, arguments) == 0
    _, result = results.read(tmp_path / "other_methods.json")
    assert len(result.ratios) in (2, 4)  # memory where the system lets it be measured
    assert all(np.isfinite(one.value) for one in result.ratios)
