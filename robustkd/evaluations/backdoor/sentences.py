"""The headline of the evaluation of backdoors."""

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

WORKS = 0.5
"""The trigger effect from which a backdoor is said to work."""

PHRASES = Phrases(
    one="{student} takes {value} of the test images of other classes for the target class with the trigger",
    against="against the independent baseline",
    many="Attack success against the independent baseline",
    verdicts=("it inherited the backdoor", "no significant sign of the backdoor", "fewer than the baseline"),
    alone="without an independent baseline, it is unknown how much of this came from the teacher",
)


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Say whether there is a backdoor to inherit, and which students inherited it.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.
    """
    if not (frame["metric"] == "attack_success").any():
        return ["All test images are of the target class, so the trigger cannot be tested."]
    found = student_findings(frame, "attack_success", "attack_success_excess")
    said = findings(found, metrics["attack_success"], metrics["attack_success_excess"], PHRASES)
    return [_of_teacher(frame, metrics), *said]


def _of_teacher(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    teacher = frame[(frame["role"] == "teacher") & (frame["level"] == "method") & (frame["interval"] != VOID)]
    values = teacher.set_index("metric")["value"]
    if "attack_success" not in values or "trigger_effect" not in values:
        return "Without the teacher it is unknown whether there is a backdoor to inherit."
    success, effect = values["attack_success"], values["trigger_effect"]
    works = "its backdoor works" if effect >= WORKS else "its backdoor hardly works, so there is little to inherit"
    metric = metrics["attack_success"]
    return (
        f"The teacher takes {quantity(success, metric)} of the test images of other classes for the target class with "
        f"the trigger, {quantity(success - effect, metric)} without it: {works}."
    )
