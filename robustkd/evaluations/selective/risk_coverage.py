"""The risk–coverage curve and what is read from it, as functions of how often each image counts.

Images are accepted in the order of their confidence. After k images the coverage is k/N, and the selective risk is the
share of errors among them. Images of equal confidence are accepted in random order: their errors are spread evenly,
which is the expectation over all orders. A copy of an image in a resample is such an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from robustkd.statistics.resampling import ratio

_DECIMALS = 14
"""Confidences that agree to so many decimals are equal: the order of a sum over classes moves them by less."""

_COUNTING = 1e-9
"""Numbers of images are whole; sums of them in float64 are closer to the whole number than this."""


class Ranking(NamedTuple):
    """The images in the order in which they are accepted.

    Attributes:
        order: The images by decreasing confidence, int64 (N,).
        starts: The first place of each group of equal confidence, int64 (G,).
        wrong: Whether each image is classified wrongly, in that order, float64 (N,).
    """

    order: np.ndarray
    starts: np.ndarray
    wrong: np.ndarray


class Curve(NamedTuple):
    """Errors over accepted images, at the end of each group of equal confidence.

    Attributes:
        accepted: The number of accepted images, float64 (B, G).
        errors: The number of errors among them, float64 (B, G).
    """

    accepted: np.ndarray
    errors: np.ndarray


def ranking(confidence: np.ndarray, correct: np.ndarray) -> Ranking:
    """Sort images by decreasing confidence.

    Args:
        confidence: float (N,).
        correct: bool (N,).
    """
    rounded = confidence.round(_DECIMALS)
    order = np.argsort(-rounded, kind="stable")
    held = rounded[order]
    starts = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]]))
    return Ranking(order, starts, (~correct[order]).astype(np.float64))


def curve(ranked: Ranking, weights: np.ndarray) -> Curve:
    """Count accepted images and errors.

    Args:
        ranked: The images in order.
        weights: How often each image counts, whole numbers, (B, N).
    """
    counts = np.ascontiguousarray(weights[:, ranked.order], dtype=np.float64)
    wrong = counts * ranked.wrong
    if len(ranked.starts) < len(ranked.order):
        counts, wrong = (np.add.reduceat(each, ranked.starts, axis=1) for each in (counts, wrong))
    return Curve(counts.cumsum(axis=1), wrong.cumsum(axis=1))


def area(seen: Curve) -> np.ndarray:
    """Return the area under the risk–coverage curve, AURC = 1/N Σ_k r(k/N).

    Geifman, Uziel, El-Yaniv, *Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers* (ICLR 2019), section 2.
    With W images and E errors before a group of w images and e errors, its terms are (E + j·e/w)/(W + j), j = 1 … w.
    Their sum is e + (E − W·e/w)·(H(W + w) − H(W)), with the harmonic numbers H.

    Returns:
        float64 (B,), 0 to 1.
    """
    accepted, errors = seen
    before, errors_before = _before(accepted), _before(errors)
    inside = errors - errors_before
    rate = np.nan_to_num(ratio(inside, accepted - before))
    harmonic = _harmonic(int(accepted[:, -1].max()))
    steps = harmonic[accepted.astype(np.int64)] - harmonic[before.astype(np.int64)]
    sums = inside + (errors_before - before * rate) * steps
    return np.asarray(sums.sum(axis=1) / accepted[:, -1])


def least_area(seen: Curve) -> np.ndarray:
    """Return the AURC of the same errors in the best order, all of them after the correct images, float64 (B,)."""
    images, errors = seen.accepted[:, -1], seen.errors[:, -1]
    harmonic = _harmonic(int(images.max()))
    right = images - errors
    steps = harmonic[images.astype(np.int64)] - harmonic[np.rint(right).astype(np.int64)]
    return np.asarray((errors - right * steps) / images)


def generalized_area(seen: Curve) -> np.ndarray:
    """Return the area under the generalized risk–coverage curve: errors among accepted images, of all images.

    Traub et al., *Overcoming Common Flaws in the Evaluation of Selective Classification Systems* (NeurIPS 2024): it
    equals (1 − AUROC)·a·(1 − a) + ½(1 − a)² for the accuracy a and the AUROC of the confidence for being right.

    Returns:
        float64 (B,), 0 to ½.
    """
    accepted, errors = seen
    widths = accepted - _before(accepted)
    return np.asarray((widths * (errors + _before(errors))).sum(axis=1) / (2 * accepted[:, -1] ** 2))


def risk_at(seen: Curve, coverages: Sequence[float]) -> np.ndarray:
    """Return the selective risk at some coverages.

    Args:
        seen: The curve.
        coverages: C coverages, above 0 to 1.

    Returns:
        float64 (B, C), 0 to 1.
    """
    wanted = np.asarray(coverages)[None] * seen.accepted[:, -1:]
    accepted, errors = (np.concatenate([np.zeros((len(each), 1)), each], axis=1) for each in seen)
    found = [np.interp(*row) for row in zip(wanted, accepted, errors, strict=True)]
    return np.asarray(np.stack(found) / wanted)


def coverage_at(seen: Curve, risk: float) -> np.ndarray:
    """Return the largest coverage whose selective risk is at most `risk`, float64 (B,); 0 where there is none.

    After the last group that keeps to the risk, some images of the next one may still be accepted.
    """
    accepted, errors = seen
    rows, groups = np.arange(len(accepted)), accepted.shape[1]
    kept = (errors <= risk * accepted + _COUNTING) & (accepted > 0)
    last = groups - 1 - kept[:, ::-1].argmax(axis=1)
    following = np.minimum(last + 1, groups - 1)
    held, wrong = accepted[rows, last], errors[rows, last]
    rate = np.nan_to_num(ratio(errors[rows, following] - wrong, accepted[rows, following] - held))
    more = np.where(rate > risk, ratio(risk * held - wrong, np.where(rate > risk, rate - risk, 1)), 0)
    images = held + np.floor(more + _COUNTING)
    return np.where(kept.any(axis=1), np.minimum(images / accepted[:, -1], 1), 0.0)


def _before(cumulative: np.ndarray) -> np.ndarray:
    """The same sums before each group."""
    return np.concatenate([np.zeros((len(cumulative), 1)), cumulative[:, :-1]], axis=1)


def _harmonic(largest: int) -> np.ndarray:
    """The harmonic numbers H(0) to H(largest), float64."""
    return np.concatenate([[0.0], (1 / np.arange(1, largest + 1)).cumsum()])
