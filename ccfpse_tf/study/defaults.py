"""Defaults of a study, apart so that the command line loads nothing else."""

DEFAULT_PAIRS = 500
QUESTION = "Which of the two images looks more like a real photograph of this layout?"
PASS_SHARE = 0.8  # of the attention checks
