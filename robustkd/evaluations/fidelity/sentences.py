"""The headline of the fidelity evaluation."""

from __future__ import annotations

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

ENOUGH = 3
"""The fewest students of which the most faithful one is named (claim F4 of the published claims)."""

AGREEMENT = Phrases(
    one="{student} agrees with the teacher on {value} of the test images",
    against="against the independent baseline",
    many="Agreement with the teacher against the independent baseline",
    verdicts=("closer to the teacher", "no significant difference", "further from the teacher"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)

ERRORS = Phrases(
    one="Where the teacher is wrong, {student} repeats its class on {value} of the images",
    against="against the independent baseline",
    many="Agreement where the teacher is wrong against the independent baseline",
    verdicts=("more of its errors", "no significant difference", "fewer of its errors"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)


def sentences(frame: pd.DataFrame, named: dict[str, Metric]) -> list[str]:
    """Word each student's agreement, all of it and where the teacher is wrong, and whether fidelity means calibration.

    Args:
        frame: Tidy results.
        named: The metrics by name.
    """
    said: list[str] = []
    for name, phrases in (("agreement", AGREEMENT), ("agreement_wrong", ERRORS)):
        found = student_findings(frame[frame["level"] != "detail"], name, f"{name}_excess")
        compared = [each for each in found if name == "agreement" or each.difference == each.difference]
        said += findings(compared, named[name], named[f"{name}_excess"], phrases) if compared else []
    return [*said, *_on_calibration(frame, named)]


def _on_calibration(frame: pd.DataFrame, named: dict[str, Metric]) -> list[str]:
    """Name the student that agrees most, and whether it is the best calibrated (Stanton et al. 2021, section 7)."""
    students = frame[(frame["role"] == "student") & (frame["interval"] != VOID)]
    agreement = students[(students["metric"] == "agreement") & (students["level"] == "method")]
    errors = students[students["metric"] == "ece"].set_index("member")["value"]
    agreed = agreement.set_index("member")["value"].reindex(errors.index).dropna()
    if len(agreed) < ENOUGH:
        return []
    closest, best = str(agreed.idxmax()), str(errors[agreed.index].idxmin())
    beside = f"{closest} agrees most with the teacher, and is {'' if closest == best else 'not '}the best calibrated"
    error = f"its ECE is {quantity(float(errors[closest]), named['ece'])}"
    other = "" if closest == best else f", that of {best} {quantity(float(errors[best]), named['ece'])}"
    return [f"Of {len(agreed)} students, {beside}: {error}{other} (no test)."]
