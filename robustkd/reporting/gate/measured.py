"""One number of a run with its interval, or why there is none that can be trusted."""

import math
from dataclasses import dataclass

import pandas as pd

from robustkd.reporting.differences import combined, paired
from robustkd.reporting.gate.named import Named
from robustkd.reporting.per_image import seen_by
from robustkd.reporting.run import Run
from robustkd.results.metric import Metric
from robustkd.results.result import Result
from robustkd.results.storage import load_records


@dataclass(frozen=True)
class Measured:
    """A number.

    Attributes:
        value: The number; NaN if there is none.
        low: The lower end of its 95% interval; NaN if there is none.
        high: The upper end.
        reason: Why there is no number that can be trusted; empty if there is one.
    """

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    reason: str = ""


def measured(run: Run, number: Named, who: pd.Series) -> Measured:
    """Look up a number.

    Args:
        run: The run.
        number: The number.
        who: Method, group and condition.
    """
    result = run.result(number.evaluation)
    if result is None:
        return Measured(reason=_not_measured(run, number.evaluation))
    row = _row(result, number.metric, who)
    if isinstance(row, str):
        return Measured(reason=row)
    if why := _void(run, result, number.metric, row):
        return Measured(reason=why)
    if number.drop == "teacher":
        return _below_teacher(run, result, number.metric, row)
    value, low, high = (float(row[key]) for key in ("value", "ci_low", "ci_high"))
    return Measured(-value, -high, -low) if number.drop else Measured(value, low, high)


def _below_teacher(run: Run, result: Result, metric: Metric, row: pd.Series) -> Measured:
    """The teacher's value minus the student's, image by image where the records allow it."""
    beside = result.frame[_same_part(result.frame, row)]
    teachers = beside.loc[beside["role"] == "teacher", "method"].unique()
    if len(teachers) != 1:
        return Measured(
            reason=f"there {'is no teacher' if not len(teachers) else 'are several teachers'} to compare with"
        )
    teacher = _row(result, metric, row.to_frame().T.assign(method=teachers[0]).iloc[0])
    if isinstance(teacher, str):
        return Measured(reason=f"for the teacher, {teacher}")
    if why := _void(run, result, metric, teacher):
        return Measured(reason=f"the teacher's number is {why}")
    records = load_records(run.path / "results", result.evaluation)
    seen, theirs = seen_by(records, row), seen_by(records, teacher)
    on_images = paired(theirs, seen, metric) if seen is not None and theirs is not None else None
    drop = on_images or combined(teacher, row)
    return Measured(drop.value, drop.low, drop.high)


def _row(result: Result, metric: Metric, who: pd.Series) -> pd.Series | str:
    """The one row of a metric for a method, or why there is none."""
    frame = result.frame
    rows = frame[_same_part(frame, who) & (frame["metric"] == metric.name) & (frame["method"] == who["method"])]
    whole = rows[rows["part"].isna() | (rows["part"] == "")]
    for level in ("method", "network", "pair"):
        found = whole[whole["level"] == level]
        if len(found) == 1:
            return "it is not defined for these images" if pd.isna(found["value"].iloc[0]) else found.iloc[0]
        if len(found) > 1:
            return f"it has several numbers, one for each {'pair of networks' if level == 'pair' else 'network'}"
    if len(rows):
        return "it has no single number: it is reported for parts of the images"
    return "it was not measured for this network"


def _same_part(frame: pd.DataFrame, who: pd.Series) -> pd.Series:
    same = pd.Series(True, index=frame.index)
    for key in ("group", "condition"):
        same &= frame[key].isna() if pd.isna(who[key]) else frame[key] == who[key]
    return same


def _void(run: Run, result: Result, metric: Metric, row: pd.Series) -> str:
    checks = run.trust[result.evaluation].voiding(row, metric)
    named = dict.fromkeys(f"{check.name}{f' ({check.member})' if check.member else ''}" for check in checks)
    return f"void, because a validity check failed: {', '.join(named)}" if named else ""


def _not_measured(run: Run, evaluation: str) -> str:
    facts = run.provenance
    if evaluation in run.to_come:
        return f"the evaluation {evaluation} is not measured yet: the study is not finished"
    if evaluation in run.damaged:
        return f"the results of the evaluation {evaluation} cannot be read: {run.damaged[evaluation]}"
    for why in (facts.get("skipped", {}).get(evaluation), facts.get("missing", {}).get(f"evaluation {evaluation}")):
        if why:
            return f"the evaluation {evaluation} has no result: {why}"
    return f"the run does not have the evaluation {evaluation}: add it to the evaluations of the study"
