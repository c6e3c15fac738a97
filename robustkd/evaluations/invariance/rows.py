"""From equal and unequal decisions to tidy rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustkd.evaluations.invariance.changes import KINDS
from robustkd.evaluations.invariance.share import teacher_shares
from robustkd.results.mean_over_images import MeanOverImages
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.part_rows import part_rows
from robustkd.results.records import Records


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Return every row that follows from the records.

    Args:
        records: The records of the evaluation.
        metrics: Its metrics.

    Returns:
        Rows for `tidy`: means over kinds, each kind, the share of the teacher's difference, and each strength.
    """
    agreed, kinds = records.arrays["agreed"], records.arrays["kinds"]
    by_kind = {kind: agreed[:, kinds == kind].mean(axis=1, dtype=np.float64) for kind in KINDS if (kinds == kind).any()}
    means = {"invariance": np.mean(list(by_kind.values()), axis=0)}
    means |= {f"{kind}_invariance": seen for kind, seen in by_kind.items()}
    rows = metric_rows(records.members, {name: MeanOverImages(seen) for name, seen in means.items()}, metrics)
    rows += teacher_shares(records, metrics)
    for place, (kind, strength) in enumerate(zip(kinds, records.arrays["strengths"], strict=True)):
        seen = MeanOverImages(agreed[:, place])
        about = tuple(metric for metric in metrics if "invariance" in (metric.name, metric.difference_of))
        rows += part_rows(records.members, {"invariance": seen}, about, KINDS[str(kind)], float(strength))
    return rows
