"""Checks that hold whatever is asked: of each network, and of what students are held against."""

from collections.abc import Sequence

import pandas as pd

from robustkd.results.groups import baseline_of, groups_of
from robustkd.results.metric import Metric
from robustkd.results.predictions import Predictions
from robustkd.results.records import Check
from robustkd.statistics.intervals import wilson


def above_chance(name: str, predictions: Predictions) -> Check:
    """Check that a member does better than guessing, which a wrong normalisation or head makes it do.

    Nothing that such a network says is worth measuring: a failure voids all its numbers.

    Args:
        name: Of the member.
        predictions: For the test images.
    """
    right, count, classes = int(predictions.correct.sum()), *predictions.logits.shape
    passed = wilson(right, count).low > 1 / classes
    seen = f"{name} is right on {right} of {count} images, guessing among {classes} classes gives {count / classes:.0f}"
    mend = "" if passed else "; check mean, std, labels and architecture"
    return Check("better than chance", passed, seen + mend, name)


def same_architecture(metrics: Sequence[Metric], members: pd.DataFrame) -> list[Check]:
    """Check that students are held against a baseline of their own architecture: else what they gain may be its lack.

    Args:
        metrics: Of the evaluation; a failure voids those that are differences.
        members: Of its records.
    """
    differences = tuple(metric.name for metric in metrics if metric.difference_of is not None)
    groups = groups_of(members)
    checks = []
    for group in groups:
        baseline = baseline_of(group, groups) if group.who["role"] == "student" else None
        if baseline is None or not differences:
            continue
        own, other = group.who["architecture"], baseline.who["architecture"]
        detail = f"{group.method} ({own}) is held against {baseline.method} ({other})"
        member = str(members["member"].iloc[group.rows[0]])
        checks.append(Check("baseline of the same architecture", own == other, detail, member, differences))
    return checks
