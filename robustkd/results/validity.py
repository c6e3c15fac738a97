"""Checks that every evaluation makes: of each network, and of the baseline that students are compared with."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from robustkd.results.groups import baseline_of, groups_of
from robustkd.results.metric import Metric
from robustkd.results.predictions import Predictions
from robustkd.results.records import Check
from robustkd.statistics.intervals import wilson


def above_chance(name: str, predictions: Predictions) -> Check:
    """Check that a member is right more often than by always answering the largest class of the test labels.

    A wrong normalisation or a wrong head makes a network fail. Nothing about such a network is worth measuring: a
    failure voids all its numbers.

    Args:
        name: The name of the member.
        predictions: Its predictions for the test images.
    """
    right, count = int(predictions.correct.sum()), len(predictions.labels)
    largest = int(np.bincount(predictions.labels).max())
    passed = wilson(right, count).low > largest / count
    seen = f"{name} is right on {right} of {count} images; always answering the largest class is right on {largest}"
    fix = "" if passed else "; check mean, std, labels and architecture"
    return Check("better than chance", passed, seen + fix, name)


def same_architecture(metrics: Sequence[Metric], members: pd.DataFrame) -> list[Check]:
    """Check that each student has a baseline of the same architecture; otherwise the architecture may explain its gain.

    Args:
        metrics: The metrics of the evaluation; a failure voids those that are differences.
        members: The members of its records, one row each.
    """
    differences = tuple(metric.name for metric in metrics if metric.difference_of is not None)
    groups = groups_of(members)
    checks = []
    for group in groups:
        baseline = baseline_of(group, groups) if group.who["role"] == "student" else None
        if baseline is None or not differences:
            continue
        own, other = group.who["architecture"], baseline.who["architecture"]
        detail = f"{group.method} ({own}) is compared with {baseline.method} ({other})"
        member = str(members["member"].iloc[group.rows[0]])
        checks.append(Check("baseline of the same architecture", own == other, detail, member, differences))
    return checks
