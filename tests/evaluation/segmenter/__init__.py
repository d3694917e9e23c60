"""Tests of `ccfpse_tf.evaluation.segmenter`."""
