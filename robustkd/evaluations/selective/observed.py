"""The selective metrics of one network in any resample of the images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

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
from robustkd.statistics.intervals import unvaried
from robustkd.statistics.resampling import Observed

COVERAGE = 0.8
"""The coverage at which the selective risk is reported."""

RISK = 0.05
"""The selective risk at which the coverage is reported."""

CURVE = tuple(round(0.05 * step, 2) for step in range(1, 21))
"""The coverages at which the curve is drawn."""

MEASURES = ("aurc", "augrc", "excess_aurc", "risk_at_80", "coverage_at_5")

_NUMBERS_AT_ONCE = 2_000_000
"""Resamples times images that are sorted at once, 16 MB for each of a few arrays, whatever the number of images."""


def observed(confidence: np.ndarray, correct: np.ndarray) -> Observed:
    """Return the metrics of one network as functions of how often each image counts.

    Args:
        confidence: The largest probability of each image, float (N,).
        correct: Whether each image is classified correctly, bool (N,).

    Returns:
        The metrics of `MEASURES`, and the points of the curve under `point`.
    """
    ranked = ranking(confidence, correct)
    rows_at_once = max(_NUMBERS_AT_ONCE // len(correct), 1)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        parts = [
            _measured(curve(ranked, weights[start : start + rows_at_once]))
            for start in range(0, len(weights), rows_at_once)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    # a network that is sure and right counts otherwise than one that is as sure and wrong
    answers = dict.fromkeys(MEASURES, np.where(correct, confidence, -confidence))
    once = statistics(np.ones((1, len(correct))))
    limits = {
        point(coverage): unvaried(float(once[point(coverage)][0]), round(coverage * len(correct))) for coverage in CURVE
    }
    return Observed(statistics, answers, limits)


def point(coverage: float) -> str:
    """Return the name under which the selective risk at a coverage is computed."""
    return f"selective_risk {coverage:g}"


def _measured(seen: Curve) -> dict[str, np.ndarray]:
    found, risks = area(seen), risk_at(seen, (COVERAGE, *CURVE)).T
    measures = (found, generalized_area(seen), found - least_area(seen), risks[0], coverage_at(seen, RISK))
    return dict(zip(MEASURES, measures, strict=True)) | {
        point(coverage): risk for coverage, risk in zip(CURVE, risks[1:], strict=True)
    }
