"""Whether students are compared with a baseline of their own architecture."""

from collections.abc import Sequence

import pandas as pd

from robustkd.results.groups import baseline_of, groups_of
from robustkd.results.metric import Metric
from robustkd.results.records import Check


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
        if own == other:
            detail += ", which has the same architecture"
        else:
            detail += (
                ", so their difference may be that of the architectures; if they are the same, name it: architecture="
            )
        member = str(members["member"].iloc[group.rows[0]])
        checks.append(Check("baseline of the same architecture", own == other, detail, member, differences))
    return checks
