"""What is recorded of a network beside the teacher, image by image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustkd.evaluations.fidelity.divergences import (
    group_divergences,
    jensen_shannon,
    kl_divergence,
    total_variation,
)
from robustkd.evaluations.fidelity.ranks import non_target_correlation
from robustkd.results.predictions import Predictions

NUMBERS_AT_ONCE = 4_000_000
"""Images times classes whose probabilities are in memory at once, 32 MB for each of a few arrays."""


def compared(teacher: Predictions, member: Predictions, groups: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Compare a network's predictions for each image with the teacher's.

    Args:
        teacher: The teacher's predictions for N images.
        member: The network's.
        groups: Groups of classes; none to leave out the divergences within them.

    Returns:
        Arrays (N,): ``agreement``, ``correct`` and ``teacher_correct``, bool; ``kl``, ``js``, ``tv``, ``overlap``
        Σ_k p_k·q_k, ``label`` and ``teacher_label``, the probabilities of the label, and ``confidence``, float; from
        three classes on ``rank_correlation``; and with groups ``groups``, float (4, N).
    """
    step = max(NUMBERS_AT_ONCE // teacher.logits.shape[1], 1)
    pieces = [slice(start, start + step) for start in range(0, len(teacher.labels), step)]
    parts = [_compared(_part(teacher, piece), _part(member, piece), groups) for piece in pieces]
    return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in parts[0]}


def _part(predictions: Predictions, piece: slice) -> Predictions:
    return Predictions(predictions.logits[piece], predictions.labels[piece])


def _compared(teacher: Predictions, member: Predictions, groups: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    log_p, log_q = teacher.log_probabilities, member.log_probabilities
    found = {
        "agreement": member.predicted == teacher.predicted,
        "correct": member.correct,
        "teacher_correct": teacher.correct,
        "kl": kl_divergence(teacher, member),
        "js": jensen_shannon(teacher, member),
        "tv": total_variation(teacher, member),
        "overlap": np.exp(log_p + log_q).sum(axis=1),
        "label": np.exp(-member.nll),
        "teacher_label": np.exp(-teacher.nll),
        "confidence": np.exp(log_q.max(axis=1)),
    }
    if log_p.shape[1] > 2:
        found["rank_correlation"] = non_target_correlation(teacher, member)
    if groups:
        found["groups"] = group_divergences(teacher, member, groups)
    return found
