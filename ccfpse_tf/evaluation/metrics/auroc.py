"""The area under the receiver operating characteristic."""

import numpy as np


def auroc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Returns the share of pairs in which the positive one has the higher score.

    Pairs of equal scores count one half, so 0.5 is chance and 1 is perfect.

    Args:
        scores: any numbers, in any shape.
        positive: booleans of the same shape.

    Returns:
        The share; None if all are positive, or none is.
    """
    scores, positive = np.ravel(scores), np.ravel(positive)
    count = int(positive.sum())
    others = positive.size - count
    if not count or not others:
        return None
    _, place, times = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(times) - (times - 1) / 2  # equal scores share their mean rank
    above = ranks[place[positive]].sum() - count * (count + 1) / 2
    return float(above / (count * others))
