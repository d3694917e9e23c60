"""Durations in words."""

import pytest

from ccfpse_tf.runtime.duration import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.2, "1 second"),
        (45, "45 seconds"),
        (60, "1 minute"),
        (125, "2 minutes 5 seconds"),
        (119.8, "2 minutes"),
        (7190, "2 hours"),
        (11 * 3600, "11 hours"),
        (86400 * 3 + 3600 * 4, "3 days 4 hours"),
        (86400 * 12.4, "12 days"),
    ],
)
def test_in_words(seconds, words):
    assert in_words(seconds) == words
