"""Tests of `ccfpse_tf.evaluation.evaluators`."""
