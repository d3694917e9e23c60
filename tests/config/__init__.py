"""Tests of `ccfpse_tf.config`."""
