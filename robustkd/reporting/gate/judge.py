"""Whether the numbers of a run meet requirements."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from robustkd.errors import BadInputError, nearest
from robustkd.reporting.gate.measured import Measured, measured
from robustkd.reporting.gate.named import Named, named
from robustkd.reporting.gate.requirement import Requirement
from robustkd.reporting.run import Run
from robustkd.statistics.intervals import ROUNDING

WHO = ["group", "condition", "method"]


@dataclass(frozen=True)
class Verdict:
    """Whether one student meets a requirement.

    Attributes:
        requirement: The requirement.
        number: What its metric means in this run.
        student: The student; with its architecture and condition where the run has several.
        measured: The number and its interval.
        met: Whether the requirement is met.
        off: How far the number is on the wrong side of the limit, or, negative or 0, how much there is to spare; NaN
            where there is no number.
        reason: Why there is no number, or none that can be trusted; empty where there is one.
    """

    requirement: Requirement
    number: Named
    student: str
    measured: Measured
    met: bool
    off: float = math.nan
    reason: str = ""


def judge(run: Run, requirements: Sequence[Requirement]) -> tuple[Verdict, ...]:
    """Compare the numbers of a run with requirements.

    A number that is absent or void does not meet a requirement: what is not known must not pass.

    Args:
        run: The run.
        requirements: The requirements.

    Returns:
        One verdict for each requirement and student that it applies to, at least one for each requirement.

    Raises:
        BadInputError: A requirement names a metric, a student or a condition that does not exist.
    """
    networks = _networks(run)
    return tuple(verdict for each in requirements for verdict in _verdicts(run, each, networks))


def _networks(run: Run) -> pd.DataFrame:
    """One row for each method of each part of the run."""
    frames = [result.frame[result.frame["level"] != "detail"][[*WHO, "role"]] for result in run.results]
    whole = pd.concat(frames, ignore_index=True).dropna(subset=["method"])
    return whole.drop_duplicates(WHO).reset_index(drop=True)


def _verdicts(run: Run, requirement: Requirement, networks: pd.DataFrame) -> list[Verdict]:
    number = named(requirement.name, [result.evaluation for result in run.results], requirement.place)
    _check_limit(requirement, number)
    concerned = _concerned(run, requirement, networks)
    if concerned.empty:
        why = f"the run has no {requirement.student or 'student'}"
        why += f" under the condition {requirement.condition}" if requirement.condition else ""
        told = _missing(run, requirement.student)
        reason = f"{why} ({told})" if told else why
        return [Verdict(requirement, number, requirement.student or "–", Measured(), False, reason=reason)]
    telling = [key for key in ("group", "condition") if networks[key].nunique() > 1]
    verdicts = []
    for _, who in concerned.iterrows():
        title = ", ".join([str(who["method"]), *(str(who[key]) for key in telling)])
        verdicts.append(_verdict(requirement, number, title, measured(run, number, who)))
    return verdicts


def _verdict(requirement: Requirement, number: Named, student: str, found: Measured) -> Verdict:
    if found.reason:
        return Verdict(requirement, number, student, found, False, reason=found.reason)
    value = {"": found.value, "low": found.low, "high": found.high}[requirement.bound]
    if math.isnan(value):
        return Verdict(requirement, number, student, found, False, reason="there is no interval for this number")
    over = value - requirement.limit
    off = {"<": over, "<=": over, ">": -over, ">=": -over, "==": abs(over)}[requirement.operator]
    strict = requirement.operator in ("<", ">")
    met = off < -ROUNDING if strict else off <= ROUNDING  # 0.48 - 0.47 is not 0.01 in binary
    return Verdict(requirement, number, student, found, met, off)


def _check_limit(requirement: Requirement, number: Named) -> None:
    """Refuse a limit that is in another unit than the metric."""
    share = number.shown.unit in ("fraction", "points")
    if requirement.percent and not share:
        unit = number.shown.unit or "a plain number"
        raise BadInputError(f"{requirement.place}: {requirement.name} is not in percent ({unit})")
    if share and abs(requirement.limit) > 1:
        limit = f"{requirement.limit:.15g}"
        raise BadInputError(
            f"{requirement.place}: {requirement.name} is a share from 0 to 1: write {limit}% for {limit} percent"
        )


def _concerned(run: Run, requirement: Requirement, networks: pd.DataFrame) -> pd.DataFrame:
    """The methods that a requirement applies to."""
    if requirement.condition:
        known = networks["condition"].dropna().unique()
        same = [each for each in known if each.casefold() == requirement.condition.casefold()]
        if not same:
            raise BadInputError(
                f"{requirement.place}: unknown condition {requirement.condition!r}: "
                f"{nearest(requirement.condition, known)}"
            )
        networks = networks[networks["condition"].isin(same)]
    if not requirement.student:
        return networks[networks["role"] == "student"]
    if requirement.student not in set(networks["method"]) and not _missing(run, requirement.student):
        raise BadInputError(
            f"{requirement.place}: no network is called {requirement.student!r}: "
            f"{nearest(requirement.student, set(networks['method']))}"
        )
    return networks[networks["method"] == requirement.student]


def _missing(run: Run, student: str) -> str:
    """The networks that failed to train, of one student or of all; empty if there are none."""
    told = [f"missing: {name}: {why}" for name, why in run.provenance.get("missing", {}).items() if student in name]
    return "; ".join(told)
