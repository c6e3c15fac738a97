"""How well a network's confidence tells which of its predictions to trust."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.errors import BadInputError
from robustkd.evaluations.selective.risk_coverage import (
    Curve,
    area,
    coverage_at,
    curve,
    generalized_area,
    least_area,
    ranking,
    risk_at,
)
from robustkd.metrics.arrays import predictions_of


def area_under_risk_coverage(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the AURC, the mean over k of the error among the k most confident predictions (Geifman et al. 2019).

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        0 to 1, lower is better.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.area_under_risk_coverage([[9.0, 0.0], [1.0, 0.0]], [0, 1])
    0.25
    """
    return float(area(_curve(logits, labels))[0])


def excess_area_under_risk_coverage(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the E-AURC: the AURC above that of the same predictions in the best order (Geifman et al. 2019).

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        0 where every error is less confident than every correct prediction.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.excess_area_under_risk_coverage([[9.0, 0.0], [1.0, 0.0]], [0, 1])
    0.0
    """
    seen = _curve(logits, labels)
    return float(area(seen)[0] - least_area(seen)[0])


def generalized_area_under_risk_coverage(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the AUGRC: the area under errors among accepted predictions, as a share of all (Traub et al. 2024).

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        0 to ½, lower is better.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.generalized_area_under_risk_coverage([[9.0, 0.0], [1.0, 0.0]], [0, 1])
    0.125
    """
    return float(generalized_area(_curve(logits, labels))[0])


def risk_at_coverage(logits: ArrayLike, labels: ArrayLike, coverage: float = 0.8) -> float:
    """Return the error among the most confident predictions.

    Args:
        logits: (N, K).
        labels: (N,).
        coverage: The share of predictions that are accepted, above 0 to 1.

    Returns:
        0 to 1.

    Raises:
        BadInputError: The arrays do not fit each other, or the coverage is not from 0 to 1.

    >>> rk.metrics.risk_at_coverage([[9.0, 0.0], [1.0, 0.0]], [0, 1], coverage=0.5)
    0.0
    """
    if not 0 < coverage <= 1:
        raise BadInputError(f"coverage must be above 0 and at most 1, got {coverage}")
    return float(risk_at(_curve(logits, labels), [coverage])[0, 0])


def coverage_at_risk(logits: ArrayLike, labels: ArrayLike, risk: float = 0.05) -> float:
    """Return the largest share of predictions, the most confident first, whose error is at most `risk`.

    Args:
        logits: (N, K).
        labels: (N,).
        risk: The error that is allowed, 0 to 1.

    Returns:
        0 to 1.

    Raises:
        BadInputError: The arrays do not fit each other, or the risk is not from 0 to 1.

    >>> rk.metrics.coverage_at_risk([[9.0, 0.0], [1.0, 0.0]], [0, 1])
    0.5
    """
    if not 0 <= risk <= 1:
        raise BadInputError(f"risk must be from 0 to 1, got {risk}")
    return float(coverage_at(_curve(logits, labels), risk)[0])


def _curve(logits: ArrayLike, labels: ArrayLike) -> Curve:
    seen = predictions_of(logits, labels)
    confidence = np.exp(seen.log_probabilities.max(axis=1))
    return curve(ranking(confidence, seen.correct), np.ones((1, len(confidence))))
