"""Which numbers a failed validity check voids: those of the network it concerns, and those that depend on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from robustkd.results.groups import baseline_of, groups_of
from robustkd.results.marks import marked_again
from robustkd.results.metric import Metric
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import VOID

_WHO = ["member", "role", "method", "architecture", "condition", "seed", "group"]
_NUMBERS = ["value", "ci_low", "ci_high", "std", "below_baseline", "ties_best", "p_value"]


class _Who(NamedTuple):
    """Whom a row of the tidy results is about; rows that agree in this and the metric are about one number."""

    level: str
    member: str
    source: str | None
    method: str
    condition: str
    group: str


@dataclass(frozen=True)
class Trust:
    """The validity of an evaluation's numbers.

    Attributes:
        failed: The failed checks that concern the evaluation.
        networks: One row for each network of each part of the run.
        known: The networks that rows rest on, as far as they were asked for; evaluations of one run share them.
    """

    failed: tuple[Check, ...]
    networks: pd.DataFrame
    known: dict[tuple[_Who, bool, bool], set[str]] = field(default_factory=dict, compare=False, repr=False)

    def withhold(self, frame: pd.DataFrame, metrics: Sequence[Metric]) -> tuple[pd.DataFrame, tuple[Check, ...]]:
        """Remove the numbers that are not to be trusted, so that no sentence is about them.

        Args:
            frame: Tidy results.
            metrics: The metrics of the evaluation; rows of anything else, such as the classes' sizes, stay.

        Returns:
            The results, where such numbers are absent, their interval is `tidy.VOID` and marks are decided without
            them; and the checks that void them.
        """
        named = {metric.name: metric for metric in metrics}
        void, checks = self._void(frame, named)
        if not checks:
            return frame, ()
        void &= frame["value"].notna()
        withheld = frame.assign(interval=frame["interval"].mask(void, VOID))
        withheld[_NUMBERS] = frame[_NUMBERS].mask(void)
        marked = withheld[withheld["below_baseline"].notna()]
        unsure = [self.voids(row, replace(named[row["metric"]], against_baseline=True)) for _, row in marked.iterrows()]
        withheld.loc[marked.index[unsure], "below_baseline"] = pd.NA
        return marked_again(withheld, metrics), checks

    def drawable(self, frame: pd.DataFrame, metrics: Sequence[Metric]) -> tuple[pd.DataFrame, tuple[Check, ...]]:
        """Drop the rows that no chart may show.

        Args:
            frame: Tidy results.
            metrics: The metrics of the evaluation. Rows of other metrics are dropped if the network is not valid.

        Returns:
            The remaining rows, and the checks that void the dropped rows.
        """
        void, checks = self._void(frame, _every_metric(frame, metrics))
        return frame[~void].reset_index(drop=True), checks

    def marked(self, frame: pd.DataFrame, metrics: Sequence[Metric]) -> pd.DataFrame:
        """Add a column ``void``: whether a failed check voids the row, whose numbers are kept.

        Args:
            frame: Tidy results.
            metrics: The metrics of the evaluation. Rows of other metrics are void if the network is not valid.
        """
        return frame.assign(void=self._void(frame, _every_metric(frame, metrics))[0])

    def _void(self, frame: pd.DataFrame, named: dict[str, Metric]) -> tuple[pd.Series, tuple[Check, ...]]:
        """Which rows failed checks void, and the checks that void a value."""
        void = pd.Series(False, index=frame.index)
        why: dict[Check, None] = {}
        known = frame[frame["metric"].isin(named)] if self.failed else frame[:0]
        numbers = list(zip(_whose(known), known["metric"], strict=True))
        checks = {(who, metric): self._voiding(who, named[metric]) for who, metric in dict.fromkeys(numbers)}
        void[known.index] = np.array([bool(checks[number]) for number in numbers], dtype=np.bool_)
        for number, has_value in zip(numbers, known["value"].notna(), strict=True):
            why |= dict.fromkeys(checks[number] if has_value else ())
        return void, tuple(why)

    def voids(self, row: pd.Series, metric: Metric) -> bool:
        """Return whether a number is not to be trusted; see `voiding`."""
        return bool(self.voiding(row, metric))

    def voiding(self, row: pd.Series, metric: Metric) -> list[Check]:
        """Find the checks that void a number.

        Args:
            row: A row of the tidy results.
            metric: The metric of the row.

        Returns:
            The checks that failed for its own network or networks, for the baseline it is a difference to, for the
            teacher it is about, or for the source of the attack.
        """
        if not self.failed:
            return []
        told: list[Any] = [None if pd.isna(row[key]) else row[key] for key in _Who._fields]
        return self._voiding(_Who(*told), metric)

    def _voiding(self, who: _Who, metric: Metric) -> list[Check]:
        named = ("", metric.name, metric.difference_of)
        concerning = [
            check
            for check in self.failed
            if (not check.metrics or any(name in named for name in check.metrics))
            and check.condition in ("", who.condition)
            and check.group in ("", who.group)
        ]
        if not concerning:
            return []
        members = self._rests_on(who, metric)
        if who.source is None:
            return [check for check in concerning if check.member == "" or check.member in members]
        # a check of a metric of attacks is about the network that was attacked, one of a difference about the student
        is_difference = metric.difference_of is not None
        return [
            check
            for check in concerning
            if check.member in ("", who.source)
            or (check.member in members and (not check.metrics or (is_difference and metric.name in check.metrics)))
        ]

    def _rests_on(self, who: _Who, metric: Metric) -> set[str]:
        key = who, metric.of_teacher, metric.difference_of is not None or metric.against_baseline
        if key not in self.known:
            self.known[key] = self._networks_behind(*key)
        return self.known[key]

    def _networks_behind(self, who: _Who, of_teacher: bool, against_baseline: bool) -> set[str]:
        beside = self.networks[(self.networks["condition"] == who.condition) & (self.networks["group"] == who.group)]
        own = beside[beside["method" if who.level != "network" else "member"] == who.member]
        found = {who.member, *own["member"]} | ({who.source} if who.source is not None else set())
        if of_teacher:
            found |= set(beside[beside["role"] == "teacher"]["member"])
        if against_baseline:
            found |= _baseline_networks(beside, who.method)
        return found


def _whose(frame: pd.DataFrame) -> list[_Who]:
    """Whom each row is about; what is missing becomes None, which equals itself."""
    columns = frame[list(_Who._fields)].astype(object)
    return [_Who(*row) for row in columns.where(columns.notna(), None).itertuples(index=False, name=None)]


def trusts_in(results: Sequence[Result]) -> dict[str, Trust]:
    """Collect the failed checks that concern each evaluation.

    Args:
        results: The results of all evaluations. A check that names no metric is about the network itself, so its
            failure voids the network's numbers in every evaluation.

    Returns:
        What is known about the validity of the numbers, by evaluation.
    """
    frames = [each.frame.loc[each.frame["level"] == "network", _WHO] for each in results]
    networks = pd.concat(frames, ignore_index=True).drop_duplicates(["group", "condition", "member"], ignore_index=True)
    general = [check for each in results for check in each.checks if not check.metrics and not check.passed]
    own = {each.evaluation: [check for check in each.checks if check.metrics and not check.passed] for each in results}
    known: dict[tuple[_Who, bool, bool], set[str]] = {}
    return {evaluation: Trust((*general, *failed), networks, known) for evaluation, failed in own.items()}


def trust_in(result: Result, results: Sequence[Result]) -> Trust:
    """Collect the failed checks that concern one evaluation; see `trusts_in`.

    Args:
        result: The result of that evaluation.
        results: The results of all evaluations.
    """
    return trusts_in(results)[result.evaluation]


def _every_metric(frame: pd.DataFrame, metrics: Sequence[Metric]) -> dict[str, Metric]:
    """The metrics of an evaluation, and stand-ins for whatever else its results have."""
    others = {name: Metric(name, "", "", None, "") for name in frame["metric"].unique()}
    return others | {metric.name: metric for metric in metrics}


def _baseline_networks(beside: pd.DataFrame, method: str) -> set[str]:
    beside = beside.reset_index(drop=True)
    groups = groups_of(beside)
    group = next((group for group in groups if group.method == method), None)
    baseline = baseline_of(group, groups) if group is not None else None
    return set() if baseline is None else set(beside["member"].iloc[baseline.rows])
