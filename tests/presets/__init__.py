"""Tests of `ccfpse_tf.presets`."""
