"""Metrics: the name of a number, its unit, and which direction is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Reference = Literal["baseline", "control"]
"""What a difference is to: the independent baseline, or a student of another teacher."""


@dataclass(frozen=True)
class Metric:
    """A number that an evaluation reports.

    Attributes:
        name: The name in the column `metric` of the results.
        title: The head of its column in a table.
        unit: ``fraction`` (shown in percent), ``points`` (a difference of fractions, shown in percentage points), or
            a unit shown as it is, such as ``nats``.
        higher_is_better: None where neither direction is better.
        meaning: One sentence that explains it to a reader.
        difference_of: The metric whose difference to the independent baseline, or to another `reference`, this is;
            None for any other metric.
        reference: What a difference is to; for differences to the control there are rows only where the pool has one.
        against_baseline: Whether it is relative to the independent baseline without being such a difference.
        of_teacher: Whether it depends on the teacher as much as on the network.
        table: The title of its table, for evaluations with too many metrics for one table.
        subject: What the distillation statement calls it, in a few words; by default its title. A difference without
            one is called as the metric that it is a difference of.
        trace: For a difference to the baseline, which values are a trace of the teacher: ``higher`` or ``lower`` than
            the baseline's, or ``none``. By default, those in the better direction if the metric is `of_teacher`, else
            none.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool | None
    meaning: str
    difference_of: str | None = None
    reference: Reference = "baseline"
    against_baseline: bool = False
    of_teacher: bool = False
    table: str = ""
    subject: str = ""
    trace: Literal["", "higher", "lower", "none"] = ""
