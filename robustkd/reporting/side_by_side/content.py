"""The content of a comparison of runs, before it is written in any format."""

import math
from dataclasses import dataclass

from robustkd.reporting.differences import Difference
from robustkd.results.metric import Metric


@dataclass(frozen=True)
class Who:
    """A method of the runs that are compared.

    Attributes:
        method: Its name; where the only student of each run has another name, all names with slashes between them.
        role: Its role.
        group: The architecture of the students of its part; empty unless a run has several.
        condition: The condition of its part; empty unless a run has several.
    """

    method: str
    role: str
    group: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Number:
    """A number of one run.

    Attributes:
        value: The value as stored.
        low: The lower end of its 95% interval; NaN if there is none.
        high: The upper end.
        seeds: The number of seeds.
        void: Whether a validity check failed for it.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    seeds: int = 1
    void: bool = False


@dataclass(frozen=True)
class Line:
    """The numbers of one method.

    Attributes:
        who: The method.
        numbers: Its number in each run; None where a run has none.
        differences: For each run but the first, its number minus that of the first run; None where one of the two is
            absent or void.
    """

    who: Who
    numbers: tuple[Number | None, ...]
    differences: tuple[Difference | None, ...]


@dataclass(frozen=True)
class Comparison:
    """One metric in all runs.

    Attributes:
        evaluation: The name of the evaluation.
        metric: The metric.
        lines: One line for each method.
    """

    evaluation: str
    metric: Metric
    lines: tuple[Line, ...]

    @property
    def shared(self) -> bool:
        """Whether more than one run has numbers."""
        runs = zip(*(line.numbers for line in self.lines), strict=True)
        return sum(any(number is not None for number in run) for run in runs) > 1


@dataclass(frozen=True)
class About:
    """What a reader must know of one run.

    Attributes:
        label: Its short name in this comparison.
        name: The name of the study.
        path: Its directory.
        data: The data set and the number of test images.
        finished: When it was finished.
        remarks: What is missing, damaged or still to come.
    """

    label: str
    name: str
    path: str
    data: str
    finished: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Differing:
    """One thing in which the runs differ, with its value in each of them."""

    what: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class SideBySide:
    """A comparison of runs.

    Attributes:
        runs: The runs, the first one first.
        comparisons: The summary metrics of every evaluation.
        verdicts: Sentences on verdicts against the independent baseline that changed, for summary metrics.
        other_verdicts: The same for all other metrics.
        checks: Sentences on validity checks that fail in one run and not in another.
        members: Sentences on methods that are not in all runs.
        evaluations: Sentences on evaluations that are not in all runs.
        differing: What differs in how the runs were obtained.
        settings: The keys of the study files that differ.
    """

    runs: tuple[About, ...]
    comparisons: tuple[Comparison, ...]
    verdicts: tuple[str, ...]
    other_verdicts: tuple[str, ...]
    checks: tuple[str, ...]
    members: tuple[str, ...]
    evaluations: tuple[str, ...]
    differing: tuple[Differing, ...]
    settings: tuple[Differing, ...]
