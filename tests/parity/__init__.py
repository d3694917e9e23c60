"""Comparison with the official implementation: ``python -m tests.parity``."""
