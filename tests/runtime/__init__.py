"""Tests of `ccfpse_tf.runtime`."""
