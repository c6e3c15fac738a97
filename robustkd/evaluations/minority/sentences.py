"""The headline of the minority evaluation."""

from collections.abc import Mapping

import pandas as pd

from robustkd.evaluations.minority.metrics import BALANCED_METRICS, SKEWED_METRICS
from robustkd.presentation.findings import student_findings
from robustkd.presentation.sentences import against_baseline, grouped
from robustkd.results.metric import Metric

VERDICTS = ("better", "no significant difference", "worse")


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Compare the students with the baseline, for each condition.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.

    Returns:
        For each condition a sentence on the recall of the rare classes, or on balanced accuracy where no class is rare;
        then what could not be measured.
    """
    said = []
    for condition, rows in of_skew(frame).groupby("condition", sort=False):
        skewed = _is_skewed(rows)
        value, gain = SKEWED_METRICS if skewed else BALANCED_METRICS
        what = f"recall of the {_rarest(rows)}" if skewed else "balanced accuracy"
        found = student_findings(rows, value, gain)
        verdict = grouped(found, metrics[value], metrics[gain], VERDICTS)
        if verdict:
            said.append(f"{_capitalised(str(condition))}: {what}{against_baseline(found)} {verdict}.")
    if not (frame["role"] == "baseline").any():
        said.append("There is no independent baseline to compare the students with.")
    if not frame["metric"].isin(["class_training_share"]).any():
        said.append("Without training images it is unknown which classes are rare.")
    return said


def of_skew(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out conditions under which no class is rare, if there are others."""
    skewed = [condition for condition, rows in frame.groupby("condition", sort=False) if _is_skewed(rows)]
    return frame[frame["condition"].isin(skewed)] if skewed else frame


def _is_skewed(rows: pd.DataFrame) -> bool:
    return bool(rows[rows["metric"] == "minority_accuracy"]["value"].notna().any())


def _rarest(rows: pd.DataFrame) -> str:
    rarity = rows[rows["metric"] == "class_rarity"]
    count = int((rarity["value"] < 0).groupby(rarity["member"]).sum().max())
    return "rarest class" if count == 1 else f"{count} rarest classes"


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]
