"""The rows of groups, and of what chance gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustkd.evaluations.groups.disparities import DISPARITIES, disparities
from robustkd.results.comparison import compare_with
from robustkd.results.groups import groups_of, std_over_seeds
from robustkd.results.mean_over_images import MeanOverImages
from robustkd.results.measured import bounds, of_test
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import method_row

SHUFFLED = "shuffled groups"
"""The part of the results in which the groups are shuffled."""

SHUFFLES = 50
"""The number of shuffles."""

SEED = 0
"""The seed of the shuffles."""


def group_rows(records: Records, metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Return accuracy and gain of each method on each group, a row of level ``detail`` each.

    Args:
        records: The records of the evaluation.
        metrics: Its metrics.
    """
    arrays = records.arrays
    accuracy, gain = (
        next(metric for metric in metrics if metric.name == name) for name in ("group_accuracy", "group_gain")
    )
    methods = groups_of(records.members)
    correct = arrays["predicted"] == arrays["labels"]
    rows: list[dict[str, Any]] = []
    for index, name in enumerate(arrays["group_names"].tolist()):
        seen = MeanOverImages(correct[:, arrays["groups"] == index])
        known = {"level": "detail", "part": name, "n": seen.seen.shape[1]}
        for method in methods:
            own = {"value": float(seen.values[method.rows].mean()), "std": std_over_seeds(seen.values[method.rows])}
            rows.append(
                method_row(method, accuracy) | known | own | bounds(seen.of_mean(method.rows), seen.seen.shape[1])
            )
        for compared in compare_with("baseline", methods, seen):
            row = method_row(compared.group, gain) | known | {"value": compared.value}
            rows.append(row | of_test(compared.test, seen.seen.shape[1]))
    return rows


def chance_rows(records: Records, metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Return the mean of each measure over shuffles of the groups, for each method, a row of level ``detail`` each.

    Each class is shuffled by itself, so that shuffled groups have the sizes and the classes of the true ones.

    Args:
        records: The records of the evaluation.
        metrics: Its metrics.
    """
    arrays = records.arrays
    random = np.random.default_rng(SEED)
    shuffles = [_shuffled(arrays["groups"], arrays["labels"], random) for _ in range(SHUFFLES)]
    settings = int(arrays["classes"]), int(arrays["min_images"])
    found = [
        [disparities(predicted, arrays["labels"], groups, *settings) for groups in shuffles]
        for predicted in arrays["predicted"]
    ]
    named = {metric.name: metric for metric in metrics}
    rows: list[dict[str, Any]] = []
    for method in groups_of(records.members):
        for name in DISPARITIES:
            value = float(np.mean([shuffle[name] for row in method.rows for shuffle in found[row]]))
            rows.append(method_row(method, named[name]) | {"level": "detail", "part": SHUFFLED, "value": value})
    return rows


def _shuffled(groups: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    mixed = groups.copy()
    for label in np.unique(labels):
        inside = labels == label
        mixed[inside] = random.permutation(groups[inside])
    return mixed
