"""Connected components and segments, against a flood fill and by hand."""

import numpy as np
import pytest

from ccfpse_tf.data.segments.components import components
from ccfpse_tf.data.segments.extraction import box_of, segments_of
from ccfpse_tf.data.segments.run_lengths import coarse, decode, encode


def flood(mask):
    """Components by filling, column by column."""
    numbers, count = np.zeros(mask.shape, int), 0
    for column, row in np.ndindex(mask.shape[::-1]):
        if not mask[row, column] or numbers[row, column]:
            continue
        count += 1
        waiting = [(row, column)]
        while waiting:
            y, x = waiting.pop()
            if not (0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]):
                continue
            if mask[y, x] and not numbers[y, x]:
                numbers[y, x] = count
                waiting += [(y + a, x + b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    return numbers, count


@pytest.mark.parametrize("share", [0.2, 0.4, 0.6, 0.9])
def test_components_are_those_of_a_flood_fill(share):
    random = np.random.default_rng(0)
    for _ in range(20):
        mask = random.random(random.integers(1, 25, 2)) < share
        numbers, count = components(mask)
        expected, expected_count = flood(mask)
        assert count == expected_count
        np.testing.assert_array_equal(numbers, expected)


@pytest.mark.parametrize("full", [False, True])
def test_masks_without_edges(full):
    numbers, count = components(np.full((4, 5), full))
    assert count == full and (numbers == full).all()


def test_a_spiral_is_one_component():
    mask = np.ones((15, 15), bool)
    for i in range(1, 7, 2):
        mask[i, i - 1 : 15 - i] = mask[i : 15 - i, 14 - i] = False
        mask[14 - i, i : 15 - i] = mask[i + 2 : 15 - i, i] = False
    expected = flood(mask)
    numbers, count = components(mask)
    assert count == expected[1]
    np.testing.assert_array_equal(numbers, expected[0])


def test_a_pole_does_not_cut_what_is_behind_it():
    label = np.zeros((10, 12), int)
    label[:, 6] = 1  # a pole over its whole height
    label[7:, 7:] = 2
    whole, pole, ground = segments_of(label, [0, 1, 2], thin_classes=[1])
    assert (whole.label, pole.label, ground.label) == (0, 1, 2)
    assert whole.area == 10 * 12 - 10 - 15 == whole.mask.sum()
    assert not whole.mask[:, 6].any() and whole.mask_with_thin[:, 6].all()
    # Only within the box around its own pixels, which ends beside the pole.
    assert ground.mask_with_thin.sum() == ground.area == 15
    left, right, *_ = segments_of(label, [0])
    assert left.area == 60 and right.area == 35


def test_components_of_thin_pixels_for_the_most_part_are_none():
    label = np.full((6, 6), 3)
    label[0, 0], label[0, 1] = 0, 1
    label[4, 4:], label[5, 4] = 0, 1
    (found,) = segments_of(label, [0], thin_classes=[1])
    assert found.area == 2 and found.mask[4, 4:].all()
    assert not list(segments_of(label, [0], thin_classes=[1], above=2))


def test_run_lengths_come_back():
    random = np.random.default_rng(1)
    for share in (0.1, 0.5, 1.0):
        mask = np.zeros((20, 30), bool)
        mask[3:17, 5:29] = random.random((14, 24)) <= share
        box = box_of(mask)
        lengths = encode(mask, box)
        shape = mask[box].shape
        assert lengths.sum() == mask[box].size
        np.testing.assert_array_equal(decode(lengths, shape), mask[box])


def test_coarse_masks_are_halves_of_cells():
    mask = np.zeros((8, 8), bool)
    mask[:2, :3] = True  # a whole cell, half a cell
    mask[7, 7] = True  # a quarter
    bits = np.unpackbits(coarse(mask, 8).view(np.uint8))
    np.testing.assert_array_equal(bits.reshape(8, 8).astype(bool), mask)
    four = coarse(np.kron(mask, np.ones((1, 1), bool)), 8)
    assert four.dtype == np.uint64 and four.shape == (1,)
    large = np.kron(mask, np.ones((4, 6), bool))
    np.testing.assert_array_equal(coarse(large, 8), coarse(mask, 8))
    odd = coarse(np.ones((5, 77), bool), 8)
    assert np.bitwise_count(odd).sum() == 5 * 8
