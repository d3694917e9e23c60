"""Tests of the layers, and the NumPy versions that they are compared with."""
