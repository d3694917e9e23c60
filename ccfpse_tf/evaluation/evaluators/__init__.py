"""Networks that measure images by segmenting them, each with its test protocol."""

from ccfpse_tf.evaluation.evaluators.evaluator import IGNORED, MIOU_RULES, Evaluator
from ccfpse_tf.evaluation.evaluators.open import open_evaluator

__all__ = ["IGNORED", "MIOU_RULES", "Evaluator", "open_evaluator"]
