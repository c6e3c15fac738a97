"""Is a network a student of this teacher?

Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021), on agreement with the teacher; Geirhos,
Meding, Wichmann, *Beyond accuracy* (NeurIPS 2020), on agreement that accuracies imply.

Two networks that never saw each other agree where both are right, and on some images that are hard. A student agrees
with its teacher also where an independent baseline errs. Accurate networks agree there more often too, where the
teacher is right, so the statistic corrects for accuracy as error consistency does (equation 1 of Geirhos et al.): on
the images that a baseline gets wrong, with the accuracies p of the network and t of the teacher on these images, and
errors that are spread evenly over the other K − 1 classes,

    s = P(network predicts the teacher's class) − p·t − (1 − p)(1 − t)/(K − 1),

averaged over the independent baselines; for a baseline, over the other ones. How well s tells the students from the
independent networks, baselines and students of other teachers, is an AUROC over networks, tested by permuting who is a
student: exactly where there are few networks. Fewer than five networks cannot tell. `adversarial_inheritance` asks the
same of the transfer of attacks.

The evaluation needs a teacher, at least two baselines or a control besides one, and predictions for the test images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.provenance.metrics import METRICS
from robustkd.evaluations.provenance.statistic import agreement_on_errors
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.numbers import join
from robustkd.presentation.told_apart import Statistic, told_apart_sentences
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy
from robustkd.results.told_apart import told_apart
from robustkd.statistics.resampling import resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


STATISTIC = Statistic(
    "provenance_auroc",
    "agrees with the teacher on the errors of the baselines, beyond accuracy,",
    "agree with the teacher on the errors of the baselines, beyond accuracy,",
)


@EVALUATIONS.register("provenance")
class Provenance(Evaluation):
    """Agreement with the teacher where independent baselines err."""

    name = "provenance"
    title = "Origin of the students"
    question = "Is a network a student of this teacher?"
    requires = Requirements(teacher=True)
    metrics = METRICS
    summary = ("agreement_beyond_accuracy", "provenance_auroc")
    cites = "Stanton et al. 2021; Geirhos et al. 2020"
    reading = (
        "The AUROC is the share of pairs of a student and an independent network in which the student agrees more with "
        "the teacher on the baselines' errors, beyond what the accuracies on these images imply. The test asks whether "
        "the students agree more than independent networks do; it cannot tell why."
    )
    chance = "Networks that have nothing to do with the teacher have an AUROC of 50% on average."
    control = "Independent baselines, each judged on the errors of the others, and students of other teachers."
    caveats = (
        "The test asks for one teacher among networks of this kind; a student of a similar teacher, or of the same "
        "data, may look like one of this teacher."
    )
    cost = "No network is run beyond the predictions for the test images."

    def inapplicable(self, pool: ModelPool, data: Dataset) -> str:
        """The statistic is taken on the errors of a baseline."""
        if any(member.role == "baseline" for member in pool):
            return ""
        return "needs an independent baseline, on whose errors students and others are compared"

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Compare every other member with the teacher."""
        if pool.teacher is None:
            raise EvaluationError("provenance needs a teacher: add one to the pool")
        if why := self.inapplicable(pool, data):
            raise EvaluationError(f"provenance {why}")
        teacher = predict(pool.teacher)
        others = [member for member in pool if member.role != "teacher"]
        predictions = [predict(member) for member in others]
        arrays = {
            "agrees": np.stack([seen.predicted == teacher.predicted for seen in predictions]),
            "correct": np.stack([seen.correct for seen in predictions]),
            "teacher_correct": teacher.correct,
            "classes": np.array(data.num_classes),
        }
        members = members_frame(others)
        return Records(members, arrays, notes=_notes(members, ~arrays["correct"]))

    def summarise(self, records: Records) -> pd.DataFrame:
        """The statistic of every network, and how well it tells the students from the others."""
        arrays = records.arrays
        correct = arrays["correct"]
        baselines = np.flatnonzero(records.members["role"] == "baseline")
        seen = [
            agreement_on_errors(
                arrays["agrees"][row],
                correct[row],
                arrays["teacher_correct"],
                ~correct[baselines[baselines != row]],
                int(arrays["classes"]),
            )
            for row in range(len(correct))
        ]
        found = resampled(seen, correct.shape[1])
        rows = metric_rows(records.members, found, self.metrics)
        values = found["agreement_beyond_accuracy"].values
        return tidy(rows + told_apart(records.members, values, self.metric("provenance_auroc")))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The statistic of every network, by method."""
        return dots_and_intervals(frame, self.metric("agreement_beyond_accuracy"))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Whether the students are told from independent networks."""
        return told_apart_sentences(frame, STATISTIC)


def _notes(members: pd.DataFrame, wrong: np.ndarray) -> tuple[str, ...]:
    baselines = members["role"] == "baseline"
    notes = []
    perfect = members["member"][(~wrong.any(axis=1)) & baselines.to_numpy()].tolist()
    if perfect:
        notes.append(f"The errors of {join(perfect)} cannot be used: there are none")
    if int(baselines.sum()) == 1:
        name = members["member"][baselines].iloc[0]
        notes.append(
            f"The statistic of {name} is not defined, because it is the only baseline: give several, of other seeds"
        )
    return tuple(notes)
