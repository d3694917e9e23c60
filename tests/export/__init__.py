"""Tests of `ccfpse_tf.export`."""
