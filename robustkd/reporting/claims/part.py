"""A part of a run: the networks of one architecture and condition that were measured together, and their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.claims.estimate import Estimate, over_networks
from robustkd.reporting.claims.student import Student, student_of
from robustkd.reporting.run import Run
from robustkd.results.metric import Metric
from robustkd.results.tidy import COLUMNS


@dataclass(frozen=True)
class Part:
    """The networks of a run that were measured together.

    Attributes:
        run: The run.
        group: The students' architecture, and the teacher where there are several.
        condition: The condition of the training set.
        title: Distinguishes it from the other parts; empty if there are no others.
        frames: By evaluation, the tidy results of this part.
    """

    run: Run
    group: str
    condition: str
    title: str
    frames: Mapping[str, pd.DataFrame]

    @cached_property
    def data(self) -> str:
        """The name of the data set."""
        return str(self.run.provenance.get("data", {}).get("name", ""))

    @cached_property
    def students(self) -> tuple[Student, ...]:
        """The students, in the order of the study."""
        found: dict[str, Student] = {}
        for frame in self.frames.values():
            rows = frame[(frame["role"] == "student") & (frame["level"] == "method")]
            for name, architecture in zip(rows["method"], rows["architecture"], strict=True):
                if name not in found:
                    found[name] = student_of(self.run.provenance, str(name), str(architecture), self.condition)
        return tuple(found.values())

    def number(self, evaluation: str, metric: str, method: str, *, of_part: str = "") -> Estimate | None:
        """Return a method's number, unless it is absent or void.

        Args:
            evaluation: The name of the evaluation.
            metric: The name of the metric.
            method: The name of the method in the study.
            of_part: A part of the images or a setting, as in the column `part`; empty for the number of the whole.
        """
        rows = self._all_rows(evaluation, metric, method)
        rows = rows[rows["part"] == of_part] if of_part else rows[rows["level"] == "method"]
        rows = self._trusted(evaluation, metric, rows)
        return self.estimate(evaluation, rows.iloc[0]) if len(rows) else None

    def networks(self, evaluation: str, metric: str, method: str) -> Estimate | None:
        """Average the numbers of a method's networks, where the results have them for single networks only."""
        rows = self.rows(evaluation, metric, method)
        rows = rows[rows["level"].isin(["network", "detail"]) & rows["part"].isna()]
        found = [self.estimate(evaluation, row) for _, row in rows.iterrows()]
        return over_networks(found, self.named(method)) if found else None

    def parts_of(self, evaluation: str, metric: str, method: str) -> dict[str, Estimate]:
        """Return a method's numbers for each part of the images, such as each class, by its name."""
        rows = self.rows(evaluation, metric, method)
        rows = rows[(rows["level"] == "detail") & rows["part"].notna()]
        return {str(row["part"]): self.estimate(evaluation, row) for _, row in rows.iterrows()}

    def teacher(self, evaluation: str, metric: str) -> Estimate | None:
        """Return the teacher's number; it is about this network."""
        names = self.names(evaluation, "teacher")
        found = self.number(evaluation, metric, names[0]) if names else None
        return found and Estimate(found.value, found.low, found.high, None, "the teacher")

    def baseline(self, evaluation: str, metric: str) -> Estimate | None:
        """Return the independent baseline's number."""
        names = self.names(evaluation, "baseline")
        return self.number(evaluation, metric, names[0]) if names else None

    def teacher_architecture(self) -> str:
        """Return the teacher's architecture; empty where no result says it."""
        for frame in self.frames.values():
            rows = frame[frame["role"] == "teacher"]
            if len(rows):
                return str(rows["architecture"].iloc[0])
        return ""

    def names(self, evaluation: str, role: str) -> list[str]:
        """Return the names of the methods of a role."""
        frame = self.frames.get(evaluation)
        return [] if frame is None else list(dict.fromkeys(frame.loc[frame["role"] == role, "method"].astype(str)))

    def named(self, method: str) -> str:
        """Name a method of this part in a sentence."""
        return f"{method} ({self.title})" if self.title else method

    def rows(self, evaluation: str, metric: str, method: str | None = None) -> pd.DataFrame:
        """Return the rows of a metric that have a number which no failed check voids.

        Args:
            evaluation: The name of the evaluation.
            metric: The name of the metric.
            method: The name of the method in the study; None for all.
        """
        return self._trusted(evaluation, metric, self._all_rows(evaluation, metric, method))

    def _all_rows(self, evaluation: str, metric: str, method: str | None) -> pd.DataFrame:
        frame = self.frames.get(evaluation)
        if frame is None:
            return pd.DataFrame(columns=list(COLUMNS))
        chosen = (frame["metric"] == metric) & frame["value"].notna()
        return frame[chosen if method is None else chosen & (frame["method"] == method)]

    def _trusted(self, evaluation: str, metric: str, rows: pd.DataFrame) -> pd.DataFrame:
        if rows.empty or not self.run.trust[evaluation].failed:
            return rows
        trust, described = self.run.trust[evaluation], _described(evaluation, metric)
        void = [trust.voids(row, described) for _, row in rows.iterrows()]
        return rows[~pd.Series(void, index=rows.index, dtype=bool)]

    def estimate(self, evaluation: str, row: pd.Series) -> Estimate:
        """Return the number of a row; a difference has as many seeds as the side with fewer."""
        seeds = 1 if pd.isna(row["n_seeds"]) else int(row["n_seeds"])
        metric = _described(evaluation, str(row["metric"]))
        if metric.difference_of or metric.against_baseline:
            frame = self.frames[evaluation]
            beside = frame[(frame["role"] == "baseline") & (frame["level"] == "method")]["n_seeds"].dropna()
            seeds = min(seeds, int(beside.max())) if len(beside) else seeds
        known = {"low": row["ci_low"], "high": row["ci_high"]} if pd.notna(row["ci_low"]) else {}
        ends = {end: float(value) for end, value in known.items()}
        return Estimate(float(row["value"]), seeds=seeds, of=self.named(str(row["method"])), **ends)


def parts_of(runs: Sequence[Run]) -> tuple[Part, ...]:
    """Divide runs into the parts that were measured together.

    Args:
        runs: The runs, at least one.
    """
    parts = []
    for run in runs:
        found = _frames(run)
        for (group, condition), frames in found.items():
            told = [run.name] if len(runs) > 1 else []
            told += [group] if len({other for other, _ in found}) > 1 else []
            told += [condition] if len({other for _, other in found}) > 1 else []
            parts.append(Part(run, group, condition, ", ".join(told), frames))
    return tuple(parts)


def _frames(run: Run) -> dict[tuple[str, str], dict[str, pd.DataFrame]]:
    found: dict[tuple[str, str], dict[str, pd.DataFrame]] = {}
    for result in run.results:
        keys = [result.frame[key].fillna("") for key in ("group", "condition")]
        for (group, condition), rows in result.frame.groupby(keys, sort=False):
            found.setdefault((str(group), str(condition)), {})[result.evaluation] = rows
    return found


def _described(evaluation: str, metric: str) -> Metric:
    metrics = EVALUATIONS[evaluation].metrics
    return next((each for each in metrics if each.name == metric), Metric(metric, "", "", None, ""))
