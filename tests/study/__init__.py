"""Tests of `ccfpse_tf.study`."""
