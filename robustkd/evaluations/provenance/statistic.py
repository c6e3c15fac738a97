"""The statistic of a network: how often it agrees with the teacher where independent baselines err."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robustkd.statistics.resampling import Observed, mean_of_defined, share, where


def agreement_on_errors(
    agrees: np.ndarray, correct: np.ndarray, teacher_correct: np.ndarray, wrong: np.ndarray, classes: int
) -> Observed:
    """Compute the agreement with the teacher on the errors of baselines, for any resample of the images.

    Args:
        agrees: Whether the network predicts the teacher's class, bool (N,).
        correct: Whether the network is right, bool (N,).
        teacher_correct: Whether the teacher is right, bool (N,).
        wrong: Whether each baseline is wrong, bool (B, N).
        classes: The number of classes K, at least 2.

    Returns:
        ``agreement_on_errors`` and ``agreement_beyond_accuracy``, which subtracts what the accuracies p and t on the
        same images imply, p·t + (1 − p)(1 − t)/(K − 1). Both are means over the baselines that err; NaN if there is
        none.
    """

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        plain, beyond = [np.full(len(weights), np.nan)], [np.full(len(weights), np.nan)]
        for errors in wrong:
            agreement, own, theirs = (share(event, errors, weights) for event in (agrees, correct, teacher_correct))
            plain.append(agreement)
            beyond.append(agreement - own * theirs - (1 - own) * (1 - theirs) / max(classes - 1, 1))
        means = [mean_of_defined(np.stack(values)) for values in (plain, beyond)]
        return dict(zip(("agreement_on_errors", "agreement_beyond_accuracy"), means, strict=True))

    return Observed(statistics, {"agreement_on_errors": where(np.asarray(wrong.any(axis=0)), agrees)})
