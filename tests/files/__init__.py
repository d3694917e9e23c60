"""Tests of `ccfpse_tf.files`."""
