"""Tests of `ccfpse_tf.runs`."""
