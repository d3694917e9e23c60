"""Tests of `ccfpse_tf.data.prepare`."""
