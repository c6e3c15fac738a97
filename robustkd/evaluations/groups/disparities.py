"""How differently a network treats groups: rates within groups, and the largest differences between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robustkd.statistics.intervals import Interval, unvaried
from robustkd.statistics.resampling import Observed, ratio

DISPARITIES = (
    "worst_group_accuracy",
    "accuracy_spread",
    "demographic_parity_difference",
    "equalised_odds_difference",
)
"""The measures; extremes are biased: the noise of resampling makes them more extreme."""


def demographic_parity_difference(predicted: np.ndarray, groups: np.ndarray, min_images: int = 1) -> float:
    """Return the largest difference between groups in how often a class is predicted.

    max_k (max_g P(ŷ=k | g) − min_g P(ŷ=k | g)), the extension of the difference of two groups and two classes to any
    number of both.

    Args:
        predicted: The predicted classes, int (N,), from 0.
        groups: The group of each image, int (N,), from 0; negative for none.
        min_images: The fewest images of a group that counts.

    Returns:
        The difference, 0 to 1; NaN if fewer than two groups count.

    >>> import numpy as np
    >>> predicted, groups = np.array([1, 1, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 1, 1])
    >>> round(demographic_parity_difference(predicted, groups), 3)  # class 1: 2/3 and 1/3
    0.333
    """
    found = disparities(predicted, predicted, groups, int(predicted.max()) + 1, min_images)
    return found["demographic_parity_difference"]


def equalised_odds_difference(
    predicted: np.ndarray, labels: np.ndarray, groups: np.ndarray, min_images: int = 1
) -> float:
    """Return the largest difference between groups in how often images of one class are taken for a class.

    max_k,k′ (max_g P(ŷ=k | y=k′, g) − min_g P(ŷ=k | y=k′, g)).

    Args:
        predicted: The predicted classes, int (N,), from 0.
        labels: The labels, int (N,), from 0.
        groups: The group of each image, int (N,), from 0; negative for none.
        min_images: The fewest images of a group within a class that counts.

    Returns:
        The difference, 0 to 1; NaN if no class has images in two groups.
    """
    classes = int(max(predicted.max(), labels.max())) + 1
    return disparities(predicted, labels, groups, classes, min_images)["equalised_odds_difference"]


def disparities(
    predicted: np.ndarray, labels: np.ndarray, groups: np.ndarray, classes: int, min_images: int
) -> dict[str, float]:
    """Compute all measures of `DISPARITIES` of one network; see `observed_disparities`."""
    seen = observed_disparities(predicted, labels, groups, classes, min_images)
    return {name: float(value[0]) for name, value in seen.statistics(np.ones((1, len(labels)))).items()}


def observed_disparities(
    predicted: np.ndarray, labels: np.ndarray, groups: np.ndarray, classes: int, min_images: int
) -> Observed:
    """Compute the measures for any resample of the images.

    Which groups count is decided once, by the images themselves. One resample at a time is counted, so the memory is
    that of G·K² numbers for G groups and K classes.

    Args:
        predicted: The predicted classes, int (N,).
        labels: The labels, int (N,).
        groups: The group of each image, int (N,), negative for none.
        classes: The number of classes K.
        min_images: The fewest images of a group, or of a group within a class, that counts.

    Returns:
        The measures; NaN where fewer than two groups count.
    """
    known = groups >= 0
    count = int(groups.max()) + 1
    shape = (count, classes, classes)
    codes = np.ravel_multi_index((groups[known], labels[known], predicted[known]), shape)
    every = np.bincount(codes, minlength=int(np.prod(shape))).reshape(shape)
    enough = every.sum(axis=(1, 2)) >= min_images
    cells = every.sum(axis=2) >= min_images
    cells[:, cells.sum(axis=0) < 2] = False

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        found = np.empty((len(DISPARITIES), len(weights)))
        for row, drawn in enumerate(weights[:, known]):
            counts = np.bincount(codes, weights=drawn, minlength=every.size).reshape(shape)
            found[:, row] = _measures(counts, enough, cells)
        return dict(zip(DISPARITIES, found, strict=True))

    correct = np.where(known, (predicted == labels).astype(np.float64), np.nan)
    return Observed(statistics, dict.fromkeys(DISPARITIES, correct), _limits(every, enough))


def _measures(counts: np.ndarray, enough: np.ndarray, cells: np.ndarray) -> tuple[float, float, float, float]:
    """The measures of `DISPARITIES`, from counts (G, K true, K predicted)."""
    if enough.sum() < 2:
        return (np.nan,) * 4
    inside = counts[enough]
    sizes = inside.sum(axis=(1, 2))
    accuracy = ratio(np.einsum("gkk->g", inside), sizes)
    chosen = ratio(inside.sum(axis=1), sizes[:, None])
    odds = ratio(counts, counts.sum(axis=2, keepdims=True))
    odds = odds[:, cells.any(axis=0)] if cells.any() else odds[:, :0]
    counted = cells[:, cells.any(axis=0)][:, :, None]
    return (
        float(np.nanmin(accuracy)),
        float(np.nanmax(accuracy) - np.nanmin(accuracy)),
        _largest_range(chosen, np.ones_like(chosen, dtype=bool)),
        _largest_range(odds, np.broadcast_to(counted, odds.shape)),
    )


def _largest_range(rates: np.ndarray, counted: np.ndarray) -> float:
    """The largest range over the first axis of the rates that count and are defined; NaN without any."""
    known = counted & ~np.isnan(rates)
    if not known.any():
        return float("nan")
    highest = np.where(known, rates, -np.inf).max(axis=0)
    lowest = np.where(known, rates, np.inf).min(axis=0)
    return float((highest - lowest)[known.any(axis=0)].max())


def _limits(every: np.ndarray, enough: np.ndarray) -> dict[str, Interval]:
    """The narrowest interval of the worst group's accuracy, as if all its images gave the same answer."""
    if enough.sum() < 2:
        return {}
    sizes = every.sum(axis=(1, 2))[enough]
    accuracy = np.einsum("gkk->g", every)[enough] / sizes
    worst = int(accuracy.argmin())
    return {"worst_group_accuracy": unvaried(float(accuracy[worst]), int(sizes[worst]))}
