"""The metadata block of model cards, as YAML's and a hub's own readers see it."""

import math
from random import Random

import pytest

from ccfpse_tf.presets.front_matter import front_matter, scores_index, without_folders

SCORES = {
    "numbers": {"mean_iou": 0.5, "fid": None, "kid_lite0": 1e-05},
    "protocol": {
        "data": "streets",
        "split": "val",
        "images": 100,
        "image_size": [64, 96],
        "style": "/home/me/style.png",
        "run": "/home/me/run",
        "distance": {"network": "C:\\nets\\inception.pb", "resize": "bicubic 2x2"},
    },
}
CHARACTERS = (
    "yesnotrufal0123456789.eE+-_ :#'\"{}[],&*!|>%@`~\\\t\n\x85ä€\u2028\U0001f600"
)


def invented(random, depth=0):
    """A value of YAML: scalars, and lists and mappings of such."""
    kind = random.randrange(8 if depth < 3 else 5)
    if kind < 2:
        return random.choice([None, True, 0, -7, 10**12, 0.0, 0.5, 1e-05, 1e16, -1e300])
    if kind < 5:
        return "".join(random.choices(CHARACTERS, k=random.randrange(8)))
    count = random.randrange(4)
    if kind < 7:
        return [invented(random, depth + 1) for _ in range(count)]
    keys = ("".join(random.choices("ab-_ 0:#", k=3)) for _ in range(count))
    return {key: invented(random, depth + 1) for key in keys}


def test_yaml_reads_what_was_written():
    yaml = pytest.importorskip("yaml", reason="needs PyYAML")
    random = Random(0)
    for _ in range(300):
        content = {"first": invented(random), "second": invented(random)}
        text = front_matter(content)
        assert text.startswith("---\n") and text.endswith("\n---\n")
        found = yaml.safe_load(text.removeprefix("---\n").removesuffix("---\n"))
        assert found == content, text


def test_how_it_looks():
    text = front_matter(
        {
            "license": "apache-2.0",
            "tags": ["a-b", "no", "two words"],
            "results": [{"type": "fid", "value": 1e-05, "args": {"on": True}}],
            "nothing": [],
        }
    )
    assert text == (
        '---\nlicense: "apache-2.0"\ntags: [a-b, "no", "two words"]\nresults:\n'
        '- type: fid\n  value: 1.0e-05\n  args:\n    "on": true\nnothing: []\n---\n'
    )


def test_scores_with_their_protocol():
    [model] = scores_index("tiny", None, SCORES)
    [result] = model["results"]
    assert result["dataset"] == {"type": "streets", "name": "streets", "split": "val"}
    assert [(m["type"], m["value"]) for m in result["metrics"]] == [
        ("mean_iou", 0.5),
        ("kid_lite0", 1e-05),
    ]
    facts = result["metrics"][0]["args"]
    assert facts == {
        "images": 100,
        "image_size": [64, 96],
        "style": "style.png",
        "distance": {"network": "inception.pb", "resize": "bicubic 2x2"},
    }
    [model] = scores_index("tiny", "me/streets", SCORES)
    assert model["results"][0]["dataset"]["type"] == "me/streets"


def test_folders_of_the_machine_are_left_out():
    assert without_folders(["/a/b", "a/b", 7, None]) == ["b", "a/b", 7, None]


def test_a_hub_reads_the_scores():
    cards = pytest.importorskip(
        "huggingface_hub", reason="needs pip install 'ccfpse-tf[hub]'"
    )
    text = front_matter(
        {
            "license": "apache-2.0",
            "library_name": "ccfpse-tf",
            "model-index": scores_index("tiny", None, SCORES),
        }
    )
    data = cards.ModelCard(text + "# Tiny\n", ignore_metadata_errors=False).data
    assert (data.license, data.model_name) == ("apache-2.0", "tiny")
    first, second = data.eval_results
    assert (first.metric_type, first.metric_value) == ("mean_iou", 0.5)
    assert first.dataset_name == "streets" and first.metric_args["images"] == 100
    assert math.isclose(second.metric_value, 1e-05)
