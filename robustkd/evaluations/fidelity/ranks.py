"""Whether two networks order the wrong classes alike."""

from __future__ import annotations

import numpy as np

from robustkd.results.predictions import Predictions


def non_target_correlation(teacher: Predictions, member: Predictions) -> np.ndarray:
    """Return Spearman's rank correlation of the probabilities of all classes but the label, image by image.

    The order of the logits is that of the probabilities. Ties have their mean rank. An image for which a network gives
    all these classes the same probability has no order to share; its correlation counts as 0.

    Args:
        teacher: The teacher's predictions for N images and at least three classes.
        member: The other network's predictions for the same images.

    Returns:
        float64 (N,), −1 to 1.
    """
    own, other = (_centred_ranks(each) for each in (teacher, member))
    spread = np.sqrt((own**2).sum(axis=1) * (other**2).sum(axis=1))
    together = (own * other).sum(axis=1)
    return np.divide(together, spread, out=np.zeros_like(together), where=spread > 0)


def _centred_ranks(predictions: Predictions) -> np.ndarray:
    """The ranks of all classes but the label, minus their mean, float64 (N, K − 1)."""
    from scipy.stats import rankdata

    logits, labels = predictions.logits, predictions.labels
    others = logits[np.arange(logits.shape[1]) != labels[:, None]].reshape(len(logits), -1)
    return np.asarray(rankdata(others, axis=1) - others.shape[1] / 2 - 0.5)
