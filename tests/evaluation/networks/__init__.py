"""Tests of `ccfpse_tf.evaluation.networks`."""
