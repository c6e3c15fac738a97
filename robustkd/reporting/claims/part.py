"""A part of a run: the networks of one architecture and condition that were measured together, and their numbers."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.claims.estimate import Estimate, over_networks
from robustkd.reporting.claims.student import Student, student_of
from robustkd.reporting.run import Run
from robustkd.results.metric import Metric

Row = dict[Hashable, Any]
"""A row of tidy results: columns and values."""


@dataclass(frozen=True)
class Part:
    """The networks of a run that were measured together.

    Attributes:
        run: The run.
        group: The students' architecture, and the teacher where there are several.
        condition: The condition of the training set.
        title: Distinguishes it from the other parts; empty if there are no others.
        results: By evaluation, the rows of the tidy results of this part.
    """

    run: Run
    group: str
    condition: str
    title: str
    results: Mapping[str, Sequence[Row]]

    @cached_property
    def data(self) -> str:
        """The name of the data set."""
        return str(self.run.provenance.get("data", {}).get("name", ""))

    @cached_property
    def students(self) -> tuple[Student, ...]:
        """The students, in the order of the study."""
        found: dict[str, Student] = {}
        for row in (row for rows in self.results.values() for row in rows):
            name = str(row["method"])
            if row["role"] == "student" and row["level"] == "method" and name not in found:
                found[name] = student_of(self.run.provenance, name, str(row["architecture"]), self.condition)
        return tuple(found.values())

    def number(self, evaluation: str, metric: str, method: str, *, of_part: str = "") -> Estimate | None:
        """Return a method's number, unless it is absent or void.

        Args:
            evaluation: The name of the evaluation.
            metric: The name of the metric.
            method: The name of the method in the study.
            of_part: A part of the images or a setting, as in the column `part`; empty for the number of the whole.
        """
        level = "detail" if of_part else "method"
        rows = [row for row in self._indexed[evaluation, metric] if row["method"] == method and row["level"] == level]
        rows = [row for row in rows if not of_part or row["part"] == of_part][:1]
        return self.estimate(evaluation, rows[0]) if rows and self._trusted(evaluation, rows[0]) else None

    def networks(self, evaluation: str, metric: str, method: str) -> Estimate | None:
        """Average the numbers of a method's networks, where the results have them for single networks only."""
        rows = [row for row in self.rows(evaluation, metric, method) if row["level"] != "method"]
        found = [self.estimate(evaluation, row) for row in rows if _absent(row["part"])]
        return over_networks(found, self.named(method)) if found else None

    def parts_of(self, evaluation: str, metric: str, method: str) -> dict[str, Estimate]:
        """Return a method's numbers for each part of the images, such as each class, by its name."""
        rows = [row for row in self.rows(evaluation, metric, method) if row["level"] == "detail"]
        return {str(row["part"]): self.estimate(evaluation, row) for row in rows if not _absent(row["part"])}

    def teacher(self, evaluation: str, metric: str) -> Estimate | None:
        """Return the teacher's number; it is about this network."""
        names = self.names(evaluation, "teacher")
        found = self.number(evaluation, metric, names[0]) if names else None
        return found and Estimate(found.value, found.low, found.high, None, "the teacher")

    def baseline(self, evaluation: str, metric: str) -> Estimate | None:
        """Return the independent baseline's number."""
        names = self.names(evaluation, "baseline")
        return self.number(evaluation, metric, names[0]) if names else None

    @cached_property
    def teacher_architecture(self) -> str:
        """The teacher's architecture; empty where no result says it."""
        teachers = (row for rows in self.results.values() for row in rows if row["role"] == "teacher")
        return next((str(row["architecture"]) for row in teachers), "")

    def names(self, evaluation: str, role: str) -> list[str]:
        """Return the names of the methods of a role."""
        rows = self.results.get(evaluation, [])
        return list(dict.fromkeys(str(row["method"]) for row in rows if row["role"] == role))

    def named(self, method: str) -> str:
        """Name a method of this part in a sentence."""
        return f"{method} ({self.title})" if self.title else method

    def rows(self, evaluation: str, metric: str, method: str | None = None) -> list[Row]:
        """Return the rows of a metric that have a number which no failed check voids.

        Args:
            evaluation: The name of the evaluation.
            metric: The name of the metric.
            method: The name of the method in the study; None for all.
        """
        found = [row for row in self._indexed[evaluation, metric] if method in (None, row["method"])]
        return [row for row in found if self._trusted(evaluation, row)]

    def estimate(self, evaluation: str, row: Row) -> Estimate:
        """Return the number of a row; a difference has as many seeds as the side with fewer."""
        seeds = 1 if _absent(row["n_seeds"]) else int(row["n_seeds"])
        metric = _described(evaluation, str(row["metric"]))
        if metric.difference_of or metric.against_baseline:
            seeds = min(seeds, self._baseline_seeds(evaluation) or seeds)
        of = self.named(str(row["method"]))
        if _absent(row["ci_low"]):
            return Estimate(float(row["value"]), seeds=seeds, of=of)
        return Estimate(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]), seeds, of)

    @cached_property
    def _indexed(self) -> Mapping[tuple[str, str], list[Row]]:
        """The rows that have a number, by evaluation and metric."""
        found: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
        for evaluation, rows in self.results.items():
            for row in rows:
                if not _absent(row["value"]):
                    found[evaluation, str(row["metric"])].append(row)
        return found

    def _baseline_seeds(self, evaluation: str) -> int:
        """The most seeds of the independent baseline in an evaluation; 0 without one."""
        rows = [row for row in self.results[evaluation] if row["role"] == "baseline" and row["level"] == "method"]
        return max((int(row["n_seeds"]) for row in rows if not _absent(row["n_seeds"])), default=0)

    def _trusted(self, evaluation: str, row: Row) -> bool:
        trust = self.run.trust[evaluation]
        return not trust.failed or not trust.voids(pd.Series(row), _described(evaluation, str(row["metric"])))


def parts_of(runs: Sequence[Run]) -> tuple[Part, ...]:
    """Divide runs into the parts that were measured together.

    Args:
        runs: The runs, at least one.
    """
    parts = []
    for run in runs:
        found = _divided(run)
        for (group, condition), results in found.items():
            told = [run.name] if len(runs) > 1 else []
            told += [group] if len({other for other, _ in found}) > 1 else []
            told += [condition] if len({other for _, other in found}) > 1 else []
            parts.append(Part(run, group, condition, ", ".join(told), results))
    return tuple(parts)


def _divided(run: Run) -> dict[tuple[str, str], dict[str, list[Row]]]:
    """By the students' architecture and the condition: the rows of each evaluation."""
    found: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for result in run.results:
        for row in result.frame.fillna({"group": "", "condition": ""}).to_dict("records"):
            part = found.setdefault((str(row["group"]), str(row["condition"])), {})
            part.setdefault(result.evaluation, []).append(row)
    return found


def _described(evaluation: str, metric: str) -> Metric:
    metrics = EVALUATIONS[evaluation].metrics
    return next((each for each in metrics if each.name == metric), Metric(metric, "", "", None, ""))


def _absent(value: Any) -> bool:
    return bool(pd.isna(value))
