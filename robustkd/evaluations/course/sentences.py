"""The headline of the course of the training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from robustkd.presentation.numbers import interval, number, quantity
from robustkd.presentation.sentences import FEW_SEEDS, FEW_STUDENTS
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID
from robustkd.statistics.intervals import CONFIDENCE
from robustkd.statistics.significance import significant_signs

VERDICTS = {
    1: "it still came closer to its teacher",
    0: "no significant change",
    -1: "it moved away from its teacher",
}
"""By the sign of a significant change of the agreement, corrected for the number of students."""

FEW = f"not tested, {FEW_SEEDS}"

EQUAL = "not tested, seeds that do not differ"

GROUPS = {1: "still growing", 0: "no significant change", -1: "falling"}


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Say how the agreement of each student changed over the last quarter of its training, and its accuracy.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.

    Returns:
        A sentence for each of a few students, one sentence in all for many.
    """
    rows = frame[(frame["level"] == "method") & (frame["role"] == "student") & (frame["interval"] != VOID)]
    changes = rows[(rows["metric"] == "late_agreement_change") & rows["value"].notna()]
    signs = significant_signs(changes["value"].tolist(), changes["p_value"].tolist())
    if len(changes) > FEW_STUDENTS:
        return [_of_many(changes, signs, rows, metrics)]
    tested = int(changes["p_value"].notna().sum())
    return [
        _of_one(row, _verdict(int(sign), float(row["p_value"]), tested), rows, metrics)
        for (_, row), sign in zip(changes.iterrows(), signs, strict=True)
    ]


def _verdict(sign: int, p_value: float, tested: int) -> str:
    corrected = sign == 0 and p_value < 1 - CONFIDENCE and tested > 1
    return f"{VERDICTS[sign]} after correction for {tested} students (Holm)" if corrected else VERDICTS[sign]


def _of_one(row: pd.Series, verdict: str, rows: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    change, method = _signed(metrics["late_agreement_change"]), str(row["method"])
    who = f"the {method} network" if row["n_seeds"] == 1 else method
    moved = f"{quantity(row['value'], change)} {interval(row['ci_low'], row['ci_high'], change)}".rstrip()
    reached, accuracy = (_value(rows, method, name) for name in ("final_agreement", "late_accuracy_change"))
    said = f"In the last quarter of the training, agreement of {who} with its teacher changed by {moved}"
    if not math.isnan(reached):
        said += f", to {quantity(reached, metrics['final_agreement'])}"
    said += f": {verdict}" if pd.notna(row["p_value"]) else f" ({_not_tested(row)})"
    if not math.isnan(accuracy):
        said += f"; accuracy changed by {quantity(accuracy, _signed(metrics['late_accuracy_change']))}"
    return f"{said}."


def _of_many(changes: pd.DataFrame, signs: np.ndarray, rows: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    tested = changes["p_value"].notna().to_numpy()
    groups = {words: changes[tested & (signs == sign)] for sign, words in GROUPS.items()}
    untested = changes[~tested]
    groups |= {why: untested[untested.apply(_not_tested, axis=1) == why] for why in (FEW, EQUAL) if len(untested)}
    change, of_accuracy = (_signed(metrics[f"late_{each}_change"]) for each in ("agreement", "accuracy"))
    said = [f"{words}: {_listed(found, change)}" for words, found in groups.items() if len(found)]
    known = [value for name in changes["method"] if not math.isnan(value := _value(rows, name, of_accuracy.name))]
    if known:
        said.append(f"accuracy changed by {number(min(known), of_accuracy)} to {number(max(known), of_accuracy)}")
    start = "Change of the agreement with the teacher over the last quarter of the training (points)"
    return f"{start}: {'; '.join(said)}."


def _listed(found: pd.DataFrame, change: Metric) -> str:
    ordered = found.sort_values("value", ascending=False, kind="stable")
    return ", ".join(f"{row['method']} ({number(row['value'], change)})" for _, row in ordered.iterrows())


def _signed(metric: Metric) -> Metric:
    """A change is a difference, but not one to the baseline."""
    return replace(metric, difference_of=metric.name)


def _not_tested(row: pd.Series) -> str:
    return FEW if row["n_seeds"] < SEEDS_TO_RANK else EQUAL


def _value(rows: pd.DataFrame, method: str, metric: str) -> float:
    found = rows[(rows["method"] == method) & (rows["metric"] == metric)]["value"]
    return float(found.iloc[0]) if len(found) else math.nan
