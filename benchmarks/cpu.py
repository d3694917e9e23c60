"""TensorFlow on the processor alone, imported without its start-up notices.

Benchmarks import `tf` from here, so that this happens before anything else imports it.
"""

import os

from ccfpse_tf.runtime.startup import import_tensorflow

os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a call returns before a GPU has finished
import_tensorflow()

import tensorflow as tf  # noqa: E402

__all__ = ["tf"]
