"""Tests of `ccfpse_tf.ops`."""
