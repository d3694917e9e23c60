"""Networks that measure images by segmenting them, each with its test protocol."""

from ccfpse_tf.evaluation.evaluators.evaluator import IGNORED, MIOU_RULES, Evaluator
from ccfpse_tf.evaluation.evaluators.open import find_evaluator, open_evaluator

__all__ = ["IGNORED", "MIOU_RULES", "Evaluator", "find_evaluator", "open_evaluator"]
