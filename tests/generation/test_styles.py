"""The images that a layout takes its styles from."""

import pytest

from ccfpse_tf.generation.styles import windows


@pytest.mark.parametrize(
    ("count", "size", "wanted"),
    [
        (3, 1, ["0", "1", "2"]),
        (4, 2, ["01", "12", "23", "30"]),
        (3, 3, ["012", "120", "201"]),
        (1, 1, ["0"]),
        (0, 2, []),
    ],
)
def test_windows_go_round_to_the_start(count, size, wanted):
    found = ["".join(map(str, window)) for window in windows(range(count), size)]
    assert found == wanted


def test_too_few_items_still_start_with_each_one():
    found = list(windows("ab", 5))
    assert [window[0] for window in found] == ["a", "b"]
    assert all(set(window) == {"a", "b"} for window in found)
