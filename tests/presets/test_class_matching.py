"""Classes of two data sets, matched by name."""

import pytest

from ccfpse_tf.errors import InputError
from ccfpse_tf.presets.class_matching import match_classes
from tests.presets.made import described


def matched(old, new):
    return match_classes(old, new, "the preset x")


def test_equal_classes():
    data = described("road", "sky", dont_care=2)
    match = matched(data, data)
    assert match.sources == (0, 1, 2, 3) and match.same
    assert match.summary() == (
        "4 of 4 channels of the layout known, new: none, dropped: none"
    )


def test_other_order_new_ones_and_missing_ones():
    old = described("road", "sky", "tree", dont_care=3)
    new = described("cow", "Sky ", "road", dont_care=0)  # don't care comes first
    match = matched(old, new)
    # don't care, cow, sky, road, edges
    assert match.sources == (3, None, 1, 0, 4) and not match.same
    assert (match.added, match.dropped) == (("cow",), ("tree",))
    assert "4 of 5 channels of the layout known, new: cow, dropped: tree" in (
        match.summary()
    )


def test_dont_care_on_one_side_only():
    with_, without = described("a", dont_care=1), described("a")
    assert matched(without, with_).sources == (0, None, 1)
    assert matched(without, with_).added == ("don't care",)
    match = matched(with_, without)
    assert match.sources == (0, 2) and match.dropped == ("don't care",)
    assert not match.same


def test_a_class_called_dont_care_is_not_the_index():
    old = described("a", "don't care")
    assert matched(old, described("a", dont_care=1)).sources == (0, None, 2)


def test_a_fewer_class_at_the_end_is_another_data_set():
    old, new = described("a", "b", instances=False), described("a", instances=False)
    assert matched(old, new).sources == (0,) and not matched(old, new).same


def test_equal_names_are_matched_in_order():
    match = matched(described("a", "a", "b"), described("a", "a", "a"))
    assert match.sources == (0, 1, None, 3)
    assert (match.added, match.dropped) == (("a",), ("b",))


def test_long_lists_are_cut():
    new = described(*(f"c{i}" for i in range(20)))
    assert "c7, 12 more, dropped: a" in matched(described("a"), new).summary()


@pytest.mark.parametrize("instances", [True, False])
def test_other_instances(instances):
    old = described("a", instances=instances)
    new = described("a", instances=not instances, name="mine")
    with pytest.raises(InputError) as caught:
        matched(old, new)
    words = ("with", "without") if instances else ("without", "with")
    assert f"the preset x: was trained {words[0]} instance maps, " in (
        str(caught.value)
    )
    assert f"'mine' are {words[1]} them" in str(caught.value)
