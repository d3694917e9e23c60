"""Tests of `ccfpse_tf.models.generators`."""
