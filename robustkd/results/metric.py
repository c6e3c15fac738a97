"""What a number is: its name, its unit, and which direction is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Metric:
    """A number that an evaluation gives.

    Attributes:
        name: As in the column `metric` of the results.
        title: For a table's head.
        unit: ``fraction`` (shown in percent), ``points`` (a difference of fractions, shown in percentage points), or
            a unit shown as it is, such as ``nats``.
        higher_is_better: None where neither direction is better.
        meaning: One sentence for a reader.
        difference_of: The metric whose difference to the independent baseline this is.
        against_baseline: It is relative to the independent baseline without being such a difference.
        of_teacher: It is about the teacher as much as about the network.
        table: Which of the evaluation's tables it stands in, for those that have too many for one; named in its title.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool | None
    meaning: str
    difference_of: str | None = None
    against_baseline: bool = False
    of_teacher: bool = False
    table: str = ""
