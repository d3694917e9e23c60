"""Tests of `ccfpse_tf.training`."""
