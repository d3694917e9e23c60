"""Comparison with outputs of the official implementation: ``python -m tests.parity``."""
