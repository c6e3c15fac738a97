"""Distances between the probabilities of two networks, image by image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from robustkd.results.predictions import Predictions


def kl_divergence(teacher: Predictions, member: Predictions) -> np.ndarray:
    """Return KL(p_teacher ‖ p_member) at temperature 1 for each image (Stanton et al. 2021, section 3).

    Args:
        teacher: The teacher's predictions for N images.
        member: The other network's predictions for the same images.

    Returns:
        The divergence in nats, float64 (N,).
    """
    log_p, log_q = teacher.log_probabilities, member.log_probabilities
    return np.asarray((np.exp(log_p) * (log_p - log_q)).sum(axis=1))


def jensen_shannon(teacher: Predictions, member: Predictions) -> np.ndarray:
    """Return ½·KL(p ‖ m) + ½·KL(q ‖ m) with m = (p + q)/2 for each image (Lin 1991, equation 4.1).

    Args:
        teacher: The teacher's predictions for N images.
        member: The other network's predictions for the same images.

    Returns:
        The divergence in nats, float64 (N,), 0 to ln 2.
    """
    log_p, log_q = teacher.log_probabilities, member.log_probabilities
    log_m = np.logaddexp(log_p, log_q) - np.log(2)
    return np.asarray((np.exp(log_p) * (log_p - log_m) + np.exp(log_q) * (log_q - log_m)).sum(axis=1) / 2)


def total_variation(teacher: Predictions, member: Predictions) -> np.ndarray:
    """Return ½·Σ_k |p_k − q_k| for each image, float64 (N,), 0 to 1.

    Args:
        teacher: The teacher's predictions for N images.
        member: The other network's predictions for the same images.
    """
    p, q = (np.exp(each.log_probabilities) for each in (teacher, member))
    return np.asarray(np.abs(p - q).sum(axis=1) / 2)


def group_divergences(teacher: Predictions, member: Predictions, groups: Sequence[np.ndarray]) -> np.ndarray:
    """Divide KL(p ‖ q) into a part across groups of classes and one within each group (arXiv 2506.18496).

    With the probabilities P_g and Q_g of the groups, KL(p ‖ q) = Σ_g P_g·log(P_g/Q_g) + Σ_g P_g·KL(p(·|g) ‖ q(·|g)),
    the chain rule of the divergence.

    Args:
        teacher: The teacher's predictions for N images.
        member: The other network's predictions for the same images.
        groups: G arrays of classes, which hold each class once and none of which is empty.

    Returns:
        In nats, float64 (1 + G, N): the divergence across groups, and P_g·KL(p(·|g) ‖ q(·|g)) of each group. Their sum
        is the divergence.
    """
    log_p, log_q = teacher.log_probabilities, member.log_probabilities
    terms = np.exp(log_p) * (log_p - log_q)
    across, within = np.zeros(len(log_p)), []
    for group in groups:
        log_all, log_other = (logsumexp(each[:, group], axis=1) for each in (log_p, log_q))
        of_group = np.exp(log_all) * (log_all - log_other)
        across += of_group
        within.append(terms[:, group].sum(axis=1) - of_group)
    return np.stack([across, *within])
