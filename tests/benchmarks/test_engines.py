"""The table of engines."""

import numpy as np

from benchmarks import engines
from benchmarks.measure import Timings


def test_engines_are_compared_with_the_first():
    image = np.full((1, 2, 2, 3), 9, np.uint8)
    images = {"TensorFlow": image, "other": image + np.uint8(2), "absent": None}
    images["other"][0, 0, 0] = 9
    timings = Timings({"TensorFlow": (0.2, 0.1, 0.4), "other": (0.1, 0.1, 0.1)})
    rows = engines.rows_of(images, timings, {"TensorFlow": 2**30, "other": 2**20})
    assert rows == [
        ("TensorFlow", "200", "1.00", "1024", "0", "0.000"),
        ("other", "100", "0.50", "1", "2", "1.500"),
        ("absent", "not installed", "", "", "", ""),
    ]
