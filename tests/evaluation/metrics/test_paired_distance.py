"""The distance of images and their photographs, and ST-LPIPS as diversity."""

import dataclasses

import numpy as np
import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.evaluation.image_metric import EvaluatedImage
from ccfpse_tf.evaluation.measures import Measures
from ccfpse_tf.evaluation.metrics.diversity import (
    mean_pairwise_distance,
    open_diversity,
)
from ccfpse_tf.evaluation.metrics.paired_distance import open_paired_distance
from ccfpse_tf.evaluation.networks import st_lpips
from tests.evaluation.networks import small_st_lpips


@pytest.fixture
def path(tmp_path, monkeypatch):
    small_st_lpips.narrow(monkeypatch)
    small_st_lpips.write(tmp_path / "x.pth", monkeypatch)
    return tmp_path / "x.pth"


def examples(count):
    rng = np.random.default_rng(0)
    for index in range(count):
        image, real = rng.integers(0, 256, (2, 24, 32, 3), np.uint8)
        yield EvaluatedImage(index, str(index), image, real, {})


def opened(spec):
    return open_paired_distance(Measures(st_lpips=spec), None, None)


def test_the_mean_over_layouts_resumed(path):
    whole, part = opened(f"alex:{path}"), opened(f"alex:{path}")
    network, expected = st_lpips.STLPIPS("alex", path), []
    for example in examples(4):
        whole.update(example)
        part.update(example)
        state = part.state()
        part.reset()
        part.restore(state)
        maps = network(np.stack([example.image, example.real]))
        expected.append(mean_pairwise_distance(maps, network.channel_weights))
    found = whole.result()["generated"]
    assert found == part.result()["generated"]
    assert found == {"lpips_st": pytest.approx(np.mean(expected))}
    assert whole.protocol()["lpips_st"]["trunk"] == "alex"
    assert whole.protocol()["lpips_st"]["sha256"] == st_lpips.FILES["alex"].sha256


def test_photographs_have_no_distance_to_themselves(path):
    metric = opened(f"alex:{path}")
    for example in examples(2):
        metric.update(dataclasses.replace(example, image=example.real))
    assert metric.result()["generated"]["lpips_st"] == 0


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("squeeze", "ST-LPIPS squeeze: choose alex or vgg"),
        ("alex", "pip install stlpips-pytorch==0.0.2"),
        ("alex:no.pth", "no.pth: no such file"),
    ],
)
def test_networks_that_cannot_be_opened(path, spec, words):
    with pytest.raises(InputError, match=words):
        opened(spec)


class Source:
    def require_styles(self):
        pass

    def draw_styles(self, example, styles):
        rng = np.random.default_rng(example.index)
        return rng.integers(0, 256, (styles, 24, 32, 3), np.uint8)


def test_diversity_by_the_learned_distance(path):
    measures = Measures(
        diversity=3, diversity_network="st-lpips", diversity_weights=path
    )
    metric = open_diversity(measures, Source(), None)
    [example] = examples(1)
    metric.update(example)
    network = st_lpips.STLPIPS("alex", path)
    images = Source().draw_styles(example, 3)
    pairs = [
        mean_pairwise_distance(network(images[[a, b]]), network.channel_weights)
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    found = metric.result()["generated"]
    assert found == {"diversity": pytest.approx(np.mean(pairs), rel=1e-5)}
    name = metric.protocol()["diversity"]["network"]
    assert name.startswith("st-lpips alex (learned weights, sha256 ")
