"""Tests of ccfpse_tf; a package so that `python -m tests.parity` finds its own."""
