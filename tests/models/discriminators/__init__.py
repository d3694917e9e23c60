"""Tests of `ccfpse_tf.models.discriminators`."""
