"""Tests of `ccfpse_tf.generation`."""
