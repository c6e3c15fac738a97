"""Do students exaggerate the teacher's confidence?

Nagarajan, Menon, Bhojanapalli, Mobahi, Kumar, *On student-teacher deviations in distillation: does it pay to disobey?*
(NeurIPS 2023, arXiv 2301.12923): students are surer than their teacher where it is sure, and less sure where it is not.
For the class that the teacher predicts, the network's logit is predicted from the teacher's by a straight line: a slope
above 1 is exaggeration. By default a logit is taken minus the mean logit of all classes of that image, because adding
the same number to all logits changes no prediction; the option ``scale: log_odds`` takes log p/(1 − p) instead.

The slope of any other network is pulled towards 0 by all that it does not share with the teacher, and grows with the
scale of its logits, so only the difference to the **independent baseline** tells what the teacher has to do with it.

Besides, for all networks: the entropy of the predicted probabilities, and the mean confidence of wrong predictions.

Slope and offset need a teacher; the rest needs predictions for the test images only. Intervals: bootstrap over test
images. Memory: a few numbers for each network and image.

The files, in reading order: `options`; `exaggeration`, logits and the line; `metrics`, what each number means; `rows`,
the logits of each method over the teacher's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.confidence.exaggeration import (
    centred_logits,
    confidence_where_wrong,
    log_odds,
    regression,
)
from robustkd.evaluations.confidence.metrics import METRICS
from robustkd.evaluations.confidence.options import ConfidenceOptions
from robustkd.evaluations.confidence.rows import logit_rows
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.findings import student_findings
from robustkd.presentation.lines import lines_over
from robustkd.presentation.numbers import join
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy
from robustkd.statistics.resampling import resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool

SCALES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"centred": centred_logits, "log_odds": log_odds}


@EVALUATIONS.register("confidence")
class Confidence(Evaluation):
    """The network's confidence as a function of the teacher's."""

    name = "confidence"
    title = "Confidence"
    question = "Do students exaggerate the teacher's confidence?"
    cites = "Nagarajan et al. 2023"
    reading = (
        "The slope says how much the network's logit of the teacher's class rises where the teacher's rises by 1: "
        "above 1 it exaggerates, below 1 it levels differences. A network that shares little with the teacher has a "
        "small slope, so compare with the baseline's. Confidence where wrong is high for a network that does not know "
        "its errors."
    )
    chance = "A network that has nothing in common with the teacher has a slope of 0; the teacher itself has 1."
    control = "The independent baseline, which has not seen the teacher: its slope comes from the task alone."
    caveats = (
        "The slope is fitted over all images together, so that it mixes easy and hard ones; a temperature that a "
        "method applies in training changes it without any change of decisions."
    )
    cost = "Seconds, from the shared predictions."
    version = 1
    requires = Requirements()
    summary = ("slope", "slope_difference", "confidence_wrong")
    Options = ConfidenceOptions
    metrics = METRICS

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict every test image with every member."""
        scale = SCALES[self.options.scale]
        members = sorted(pool, key=lambda member: member.role != "teacher")
        arrays: dict[str, list[np.ndarray]] = {name: [] for name in ("confidence", "correct", "entropy", "logit")}
        taught = None if pool.teacher is None else predict(pool.teacher).predicted
        for member in members:
            seen = predict(member)
            logs = seen.log_probabilities
            arrays["confidence"].append(np.exp(logs.max(axis=1)))
            arrays["correct"].append(seen.correct)
            arrays["entropy"].append(-(np.exp(logs) * logs).sum(axis=1))
            if taught is not None and logs.shape[1] > 1:
                arrays["logit"].append(scale(seen.logits, taught))
        stacked = {name: np.stack(each) for name, each in arrays.items() if each}
        notes = _notes([member.name for member in members], stacked, pool.teacher is not None)
        return Records(members_frame(members), stacked, notes=notes)

    def summarise(self, records: Records) -> pd.DataFrame:
        """Slope and offset where there is a teacher, entropy, and confidence where wrong."""
        arrays, members = records.arrays, records.members
        images = arrays["correct"].shape[1]
        pairs = zip(arrays["confidence"], arrays["correct"], strict=True)
        rows = per_image_rows(members, {"entropy": arrays["entropy"]}, self.metrics)
        rows += metric_rows(members, resampled([confidence_where_wrong(*pair) for pair in pairs], images), self.metrics)
        if "logit" in arrays and len(members) > 1:
            teacher, others = arrays["logit"][0], arrays["logit"][1:]
            found = resampled([regression(teacher, own) for own in others], images)
            rows += metric_rows(members.iloc[1:].reset_index(drop=True), found, self.metrics)
            rows += logit_rows(members, teacher, others, self.metric("teacher_class_logit"))
        return tidy(rows)

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The logit of the teacher's class over the teacher's own, else the entropy by method."""
        rows = frame[frame["level"] == "detail"]
        if not len(rows):
            return dots_and_intervals(frame, self.metric("entropy"))
        return lines_over(rows, self.metric("teacher_class_logit"), "the teacher's own logit, by tenths of the images")

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's slope against the baseline's; without a teacher, its confidence where it is wrong."""
        name, phrases = ("slope", SLOPE) if (frame["metric"] == "slope").any() else ("confidence_wrong", WRONG)
        found = student_findings(frame, name, f"{name}_difference")
        return findings(found, self.metric(name), self.metric(f"{name}_difference"), phrases)


SLOPE = Phrases(
    one="Where the teacher's logit of its class rises by 1, that of {student} rises by {value}",
    against="against the independent baseline",
    many="Slope on the teacher's logit against the independent baseline",
    verdicts=("a steeper slope", "no significant difference", "a flatter slope"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)

WRONG = Phrases(
    one="Where {student} is wrong, its mean confidence is {value}",
    against="against the independent baseline",
    many="Confidence where wrong against the independent baseline",
    verdicts=("surer of its errors", "no significant difference", "less sure of its errors"),
    alone="there is no independent baseline to compare it with",
)


def _notes(names: Sequence[str], arrays: dict[str, np.ndarray], teacher: bool) -> tuple[str, ...]:
    """Note which numbers are not defined, and why."""
    notes = []
    if not teacher:
        notes.append("Slope and offset are left out: they need a teacher")
    elif "logit" not in arrays:
        notes.append("Slope and offset are left out: they need two classes or more")
    elif np.ptp(arrays["logit"][0]) == 0:
        notes.append("Slope and offset are not defined: the teacher has the same logit for every image")
    perfect = [name for name, right in zip(names, arrays["correct"], strict=True) if right.all()]
    if perfect:
        notes.append(f"Confidence where wrong is not defined for {join(perfect)}: every prediction is right")
    return tuple(notes)
