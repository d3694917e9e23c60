"""Tests of the metrics against literal numbers, NumPy and SciPy."""
