"""The rows of classes: imbalanced-learn's report, shares of predictions, and comparisons with the baseline."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from robustkd.evaluations.minority.measures import by_class, rare_and_frequent
from robustkd.evaluations.minority.report import CLASS_METRICS, class_report, class_report_observed
from robustkd.results.groups import groups_of, with_baselines
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import method_row, network_row
from robustkd.statistics.intervals import HOLM_CLASSES, Interval
from robustkd.statistics.resampling import mean_of_defined, resampled
from robustkd.statistics.significance import holm

LEVEL = 0.05
"""The significance level of the tests of all classes of a network together."""

PREDICTED_SHARE = Metric(
    "class_predicted_share", "Share of predictions", "fraction", None, "Share of the predictions that are this class."
)
TEST_SHARE = Metric(
    "class_test_share", "Share of test images", "fraction", None, "Share of the test images that belong to this class."
)
TRAINING_SHARE = Metric(
    "class_training_share",
    "Share of training images",
    "fraction",
    None,
    "Share of the training images that belong to this class.",
)
RARITY = Metric(
    "class_rarity", "Rarity", "", None, "−1 for a class of the minority, 1 for a class of the majority, 0 otherwise."
)


def class_rows(records: Records, training: np.ndarray) -> list[dict[str, Any]]:
    """Return the rows of each method's classes, the mean over its seeds.

    Args:
        records: The records of `Minority`.
        training: int64 (M, K), training images of each class, for each member.

    Returns:
        Rows of level ``class`` for `tidy`.
    """
    names = [str(name) for name in records.arrays["class_names"]]
    rows: list[dict[str, Any]] = []
    for group in groups_of(records.members):
        cells_of = dict(
            _measured_of_classes(records.arrays["predicted"][group.rows], records.arrays["labels"], len(names))
        )
        cells_of |= _known_of_classes(records, training[group.rows])
        for metric, cells in cells_of.items():
            row = {**method_row(group, metric), "level": "class"}
            rows += [row | {"part": name} | cell for name, cell in zip(names, cells, strict=True)]
    return rows


Cells = list[dict[str, Any]]
"""One cell of a row for each class."""


def _measured_of_classes(predicted: np.ndarray, labels: np.ndarray, classes: int) -> Iterator[tuple[Metric, Cells]]:
    """The measured metrics of each class, with intervals: imbalanced-learn's report and the share of predictions."""
    reports = [class_report(row, labels, classes) for row in predicted]
    found = resampled([class_report_observed(row, labels, classes) for row in predicted], len(labels))
    tested, seeds = np.bincount(labels, minlength=classes).tolist(), np.arange(len(predicted))

    def cell(label: int, value: float, key: str) -> dict[str, Any]:
        if np.isnan(value):
            return {"value": None, "n": tested[label]}
        return {"value": value, "n": tested[label]} | bounds(found[f"{key} {label}"].of_mean(seeds))

    columns: dict[str, list[np.ndarray]] = {key: [report[key] for report in reports] for key in CLASS_METRICS}
    columns["share"] = [np.bincount(row, minlength=classes) / len(labels) for row in predicted]
    for key, metric in (CLASS_METRICS | {"share": PREDICTED_SHARE}).items():
        means = mean_of_defined(np.stack(columns[key]))
        yield metric, [cell(label, value, key) for label, value in enumerate(means.tolist())]


def _known_of_classes(records: Records, training: np.ndarray) -> dict[Metric, Cells]:
    """The known properties of each class: its shares of the test and training images, and whether it is rare."""
    labels, classes = records.arrays["labels"], len(records.arrays["class_names"])
    tested = np.bincount(labels, minlength=classes)
    known: dict[Metric, np.ndarray] = {TEST_SHARE: tested / len(labels)}
    if "training" in records.arrays:
        counts = training.mean(axis=0)
        rare, frequent = rare_and_frequent(training[0], int(records.arrays["classes"]))
        known[TRAINING_SHARE] = counts / counts.sum()
        known[RARITY] = np.isin(np.arange(classes), frequent) * 1.0 - np.isin(np.arange(classes), rare)
    return {
        metric: [{"value": float(value), "n": int(count)} for value, count in zip(values, tested, strict=True)]
        for metric, values in known.items()
    }


def with_missing_classes(
    rows: list[dict[str, Any]], tested: np.ndarray, training: np.ndarray, classes: int
) -> list[dict[str, Any]]:
    """Add to the interval of a mean over classes how many of them have test images, if some have none.

    Args:
        rows: Rows for `tidy`.
        tested: The number of test images of each class, int64 (K,).
        training: The number of training images of each class, int64 (K,).
        classes: The largest number of rare classes, and of frequent ones.
    """
    rare, frequent = rare_and_frequent(training, classes)
    every = np.arange(len(tested))
    over = {"minority": rare, "majority": frequent, "balanced": every, "g": every, "worst": every}

    def named(row: dict[str, Any]) -> dict[str, Any]:
        chosen = over.get(str(row["metric"]).partition("_")[0], every[:0])
        missing = int((tested[chosen] == 0).sum())
        if not missing or not row.get("interval"):
            return row
        return row | {"interval": f"{row['interval']}, over {len(chosen) - missing} of {len(chosen)} classes"}

    return [named(row) for row in rows]


def class_comparison_rows(records: Records, better: Metric, worse: Metric) -> list[dict[str, Any]]:
    """Return the shares of classes on which each student is significantly better and worse than its baseline.

    With Holm's correction, the probability of any false claim about the classes of a network, or about a direction, is
    at most 5 % (Shaffer 1980; no image belongs to two classes, so the tests are independent). The true share of classes
    on which the network is better is therefore at least the share found better and at most the share not found worse:
    this is the interval. For a mean over networks, the tests of all its networks share the 5 %.

    Args:
        records: The records of `Minority`.
        better: The metric of the share of classes that are better.
        worse: The metric of the share of classes that are worse.

    Returns:
        Rows for `tidy`, of students that have a baseline.
    """
    members, labels = records.members, records.arrays["labels"]
    correct = records.arrays["predicted"] == labels
    tests = {row: by_class(correct[row], correct[baseline], labels) for row, baseline in with_baselines(members)}
    rows: list[dict[str, Any]] = []
    for group in groups_of(members):
        own = [(row, *tests[row]) for row in group.rows if row in tests]
        for metric, sign in ((better, 1), (worse, -1)):
            values = []
            for row, gains, p_values in own:
                value, known = _share_found(gains, p_values, sign, LEVEL)
                values.append(value)
                row_of = network_row(members.iloc[row], metric) | {"value": value, "n": len(labels)}
                rows.append(row_of | bounds((known, HOLM_CLASSES)))
            if own:
                ends = [_share_found(gains, p_values, sign, LEVEL / len(own))[1] for _, gains, p_values in own]
                row_of = method_row(group, metric) | {"value": float(np.mean(values)), "n": len(labels)}
                row_of |= {"std": float(np.std(values, ddof=1)) if len(values) > 1 else None}
                rows.append(row_of | bounds((Interval(*np.mean(ends, axis=0).tolist()), HOLM_CLASSES)))
    return rows


def _share_found(gains: np.ndarray, p_values: np.ndarray, sign: int, level: float) -> tuple[float, Interval]:
    """The share of classes found to gain or to lose, and the interval of the true share."""
    found = holm(p_values) < level
    share, opposite = (float((found & (side * gains > 0)).mean()) for side in (sign, -sign))
    return share, Interval(share, 1 - opposite)
