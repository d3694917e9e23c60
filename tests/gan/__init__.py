"""Tests of `ccfpse_tf.gan`."""
