"""Tests of `ccfpse_tf.commands`."""
