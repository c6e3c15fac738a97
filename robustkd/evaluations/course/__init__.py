"""How does fidelity grow along the training?

Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021, arXiv 2106.05945), section 6: with more epochs
the agreement with the teacher keeps growing where the accuracy does not, and what keeps a student from matching its
teacher is the optimisation.

A recipe with `evaluate_every` makes each training measure, every so many epochs, the agreement with its teacher, the
divergence KL(teacher ‖ student) and the accuracy; the header of the checkpoint holds them. The evaluation reads them:
no network is run and no image is looked at. It reports the values after the last epoch, their change over the last
quarter of the training, and after how many epochs 90 % of the last value was reached. The value after three quarters of
the epochs is interpolated linearly between the measurements around it. Where a method trains in stages, the epochs of
all stages are counted.

All of these are measured on the test set of the training. They select nothing: neither an epoch nor a network.

The evaluation needs networks that were measured along a training with a teacher; others are left out. The number of
test images is not known, so intervals cover trainings alone, from three seeds on; nothing is ranked.

The files, in reading order: `courses`, what checkpoints hold; `growth`, what is read from a curve; `metrics`, what each
number means; `rows`; `charts`; `sentences`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, NoOptions, Predict, Requirements
from robustkd.evaluations.course.charts import curves
from robustkd.evaluations.course.courses import course_of, in_one_array
from robustkd.evaluations.course.growth import LATE, late_change
from robustkd.evaluations.course.metrics import METRICS
from robustkd.evaluations.course.rows import curve_rows, value_and_change_rows
from robustkd.evaluations.course.sentences import sentences
from robustkd.presentation.numbers import join
from robustkd.results.groups import groups_of
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("course")
class FidelityCourse(Evaluation):
    """Agreement with the teacher and accuracy over the epochs of each training."""

    name = "course"
    title = "Course of the training"
    question = "How does fidelity grow along the training?"
    cites = "Stanton et al. 2021"
    reading = (
        "The change over the last quarter of the training says whether a network still came closer to its teacher when "
        "the training ended: then more epochs, or another optimisation, may bring it closer still. Compare it with the "
        "change of the accuracy, which often stops earlier. All of it is measured on the test set and selects nothing, "
        "neither an epoch nor a network."
    )
    chance = (
        "A network that has nothing in common with its teacher agrees with it on as many images as their class "
        "frequencies imply, 1/K for K equally frequent classes; a training that has come to its end changes by 0."
    )
    control = "The same network earlier in its training: a baseline has no teacher that it could be measured against."
    caveats = "The course is that of one training each and on the test images; seeds vary in it as much as methods may."
    cost = "Nothing: the trainings have measured it, each time with one forward pass of the test images."
    version = 1
    requires = Requirements(predictions=False, baseline=False, course=True)
    summary = ("late_agreement_change", "late_accuracy_change")
    Options = NoOptions
    metrics = METRICS

    def inapplicable(self, pool: ModelPool, data: Dataset) -> str:
        """A network must have been measured along its training."""
        if any(course_of(member.model.lineage) for member in pool if member.role != "teacher"):
            return ""
        return "no network was measured along its training: set training.evaluate_every"

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Read the checkpoints of all members but the teacher."""
        if why := self.inapplicable(pool, data):
            raise EvaluationError(why)
        taught = [(member, course_of(member.model.lineage)) for member in pool if member.role != "teacher"]
        known = [(member, course) for member, course in taught if course is not None]
        without = [member.name for member, course in taught if course is None and member.role != "baseline"]
        members = members_frame([member for member, _ in known])
        arrays = in_one_array([course for _, course in known])
        return Records(members, arrays, notes=_notes(members, arrays, without))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Last values, changes, epochs to 90 %, and the curves."""
        rows = value_and_change_rows(records.members, records.arrays, self.metrics)
        return tidy(rows + curve_rows(records.members, records.arrays, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Agreement and accuracy over the epochs."""
        return curves(frame)

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Whether each student still came closer to its teacher in the last quarter of its training."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})


def _notes(members: pd.DataFrame, arrays: dict[str, np.ndarray], without: list[str]) -> tuple[str, ...]:
    """Note which members are left out, and what of the others is not defined."""
    notes = []
    if without:
        was = "was" if len(without) == 1 else "were"
        notes.append(f"{join(without)} {was} not measured along the training and {was} left out")
    epochs = arrays["epoch"]
    changes = [late_change(epochs[row], arrays["agreement"][row]) for row in range(len(epochs))]
    late = [name for name, change in zip(members["member"], changes, strict=True) if np.isnan(change)]
    if late:
        notes.append(
            f"The change over the last quarter of the training is not defined for {join(late)}: the first measurement "
            f"came after {LATE:.0%} of the epochs; set training.evaluate_every lower"
        )
    for group in groups_of(members):
        own = epochs[group.rows]
        if len({tuple(each[~np.isnan(each)]) for each in own}) > 1:
            notes.append(
                f"The networks of {group.method} were not all measured after the same epochs: its mean curve is drawn "
                "where all were"
            )
    return tuple(notes)
