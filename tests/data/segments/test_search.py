"""The search in a memory bank, against a comparison of all masks."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from ccfpse_tf.data.record_errors import clear_record_errors
from ccfpse_tf.data.segments.bank import FILE_NAME, MemoryBank, shard_name
from ccfpse_tf.data.segments.search import search
from ccfpse_tf.data.segments.shard import IMAGES
from ccfpse_tf.errors import InputError
from tests.data.segments.made_bank import (
    BOX,
    GROUND,
    PER_SHARD,
    layout,
    make_bank,
    photo,
)

LABELS = [layout(8, 4), layout(8, 4), layout(10, 20), layout(0, 0), layout(9, 6)]


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return make_bank(tmp_path_factory.mktemp("banks") / "bank", LABELS)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_all_segments_are_there(bank):
    assert len(bank.keys) == len(LABELS) and bank.size == (32, 48)
    assert len(bank.segments) == 2 * len(LABELS)
    for row in range(len(bank.segments)):
        segment = bank.segments[row]
        expected = LABELS[segment["image"]] == segment["label"]
        mask = np.zeros_like(expected)
        box, part = bank.mask(row)
        mask[box] = part
        np.testing.assert_array_equal(mask, expected)
        assert segment["area"] == expected.sum()
    for number in range(len(LABELS)):
        np.testing.assert_array_equal(bank.image(number), photo(number))
        assert bank.keys[number] == f"key{number}"
    assert len(LABELS) > PER_SHARD  # so numbers run over several shards


@pytest.mark.parametrize("candidates", [1, 3, 50])
def test_the_best_come_first(bank, candidates):
    mask = layout(9, 5) == BOX
    found = search(bank, mask, BOX, candidates=candidates)
    everything = [
        (-iou(mask, label == BOX), number) for number, label in enumerate(LABELS)
    ]
    expected = [pair for pair in sorted(everything) if pair[0]][:candidates]
    if candidates == 50:
        assert [(-match.iou, match.image) for match in found] == expected
    else:  # the coarse masks chose
        assert len(found) == candidates and -found[0].iou == expected[0][0]


def test_of_equal_ones_the_earlier_comes_first(bank):
    found = search(bank, layout(8, 4) == BOX, BOX)
    assert [match.image for match in found[:2]] == [0, 1]
    assert found[0].iou == found[1].iou == 1
    assert [m.image for m in search(bank, layout(8, 4) == BOX, BOX, exclude=0)][0] == 1


def test_what_is_no_match(bank):
    mask = np.zeros((32, 48), bool)
    mask[-2:, -2:] = True
    assert search(bank, mask, BOX) == []  # no common pixel
    assert search(bank, mask, 2) == []  # no such segments
    assert len(search(bank, mask, GROUND, keep=2)) == 2
    found = search(bank, mask, GROUND, images=np.array([1, 3]))
    assert {match.image for match in found} == {1, 3}


def test_large_banks_are_searched_by_coarse_masks_first(tmp_path):
    random = np.random.default_rng(0)
    places = random.integers(0, (16, 28), (80, 2))
    labels = [layout(*place) for place in places]
    bank = make_bank(tmp_path / "bank", labels)
    for top, left in random.integers(0, (16, 28), (10, 2)):
        mask = layout(top, left) == BOX
        found = search(bank, mask, BOX, keep=5, candidates=20)
        expected = search(bank, mask, BOX, keep=5, candidates=1000)
        assert found == expected


def test_folders_that_are_no_bank(tmp_path, bank):
    with pytest.raises(InputError, match="no finished memory bank.* make one by"):
        MemoryBank(tmp_path)
    facts = json.loads((bank.folder / FILE_NAME).read_text())
    for changes, words in (
        ({"format": 9}, "has format 9, this version reads up to 1"),
        ({"segments": 3}, "is damaged .*other numbers of segments"),
        ({"shards": 99}, "is damaged"),
    ):
        folder = tmp_path / "other"
        folder.mkdir(exist_ok=True)
        for shard in bank.folder.glob("shard-*"):
            if not (folder / shard.name).exists():
                (folder / shard.name).symlink_to(shard)
        (folder / FILE_NAME).write_text(json.dumps(facts | changes))
        with pytest.raises(InputError, match=words):
            MemoryBank(folder)


def test_a_damaged_photograph_is_named_also_in_a_pipeline(tmp_path):
    bank = make_bank(tmp_path / "bank", [layout(8, 8), layout(8, 20)])
    path = bank.folder / shard_name(0) / IMAGES
    path.write_bytes(bytes(path.stat().st_size))
    words = f"{path}: the photograph key1 cannot be read; make the bank again"
    with pytest.raises(InputError, match=re.escape(words)):
        bank.image(1)
    numbers = tf.data.Dataset.range(1, 2).map(
        lambda n: tf.numpy_function(bank.image, [n], tf.uint8)
    )
    with pytest.raises(InputError, match=re.escape(words)):
        with clear_record_errors(tmp_path):
            list(numbers)
