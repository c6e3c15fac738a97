"""What was retained, lost, inherited, and what is new?

Teacher and network divide the test images into five parts, of which each image belongs to one. The words are those that
arXiv 2604.25110 asks of every release of a distilled model:

* **retained**: both are right;
* **lost**: the teacher is right, the network is wrong;
* **inherited**: the teacher is wrong, and the network predicts the same wrong class;
* **new**: the teacher is wrong, and the network predicts something else, which is **right** or **wrong**.

Lost, and new and right, are the negative and positive flips of Yan, Xiong, Kundu, Yang, Deng, Wang, Xia, Soatto,
*Positive-Congruent Training: Towards Regression-Free Model Updates* (CVPR 2021, arXiv 2011.09161); their difference is
tested by McNemar's test. Any network has all five parts, so each is compared with the **independent baseline's**, which
has divided the images with the same teacher.

Two more comparisons are with the baseline alone. Classes whose accuracy changed significantly: *What is Left After
Distillation? How Knowledge Transfer Impacts Fairness and Bias* (arXiv 2410.08407); the tests here are paired over the
images of a class and corrected for the number of classes (Holm). Images that distillation forgets or gains: those whose
modal prediction over three seeds or more is right for one side and wrong for the other (Hooker, Courville, Clark,
Dauphin, Frome, *What Do Compressed Deep Neural Networks Forget?*, arXiv 1911.05248, compare modal predictions of
compressed and full networks and keep every difference; here one side must be right).

The evaluation needs predictions for the test images, and a teacher or a baseline. Memory: one number for each network
and image, and the few images that the pictures show.

The files, in reading order: `options`; `parts`, `classes` and `modal`, the three comparisons; `metrics`, what each
number means; `rows`, from records to tidy results; `charts`, `sentences` and `gallery`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.knowledge.charts import stacked_parts
from robustkd.evaluations.knowledge.gallery import chosen_images, pictures_of
from robustkd.evaluations.knowledge.metrics import METRICS
from robustkd.evaluations.knowledge.modal import changed_images
from robustkd.evaluations.knowledge.options import KnowledgeOptions
from robustkd.evaluations.knowledge.rows import all_rows
from robustkd.evaluations.knowledge.sentences import sentences
from robustkd.presentation.dots import dots_and_intervals
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool
    from robustkd.presentation.pictures import Picture


@EVALUATIONS.register("knowledge")
class Knowledge(Evaluation):
    """Right and wrong predictions beside the teacher's and the baseline's."""

    name = "knowledge"
    title = "Knowledge"
    question = "What was retained, lost, inherited, and what is new?"
    cites = "Yan et al. 2021; Hooker et al. 2019; arXiv 2410.08407, 2604.25110"
    reading = (
        "Each image is retained (teacher and network right), lost (only the teacher right), inherited (the same wrong "
        "class) or new (the teacher wrong, another answer). An independent network shares errors with the teacher too: "
        "what the teacher passed on is the difference to the baseline."
    )
    chance = "The independent baseline, which has not seen the teacher, shows what the task alone gives."
    control = "The independent baseline and, where the pool has one, a student of another teacher."
    caveats = (
        "Which images count as inherited depends on the teacher's own errors, of which an accurate teacher makes few."
    )
    cost = "Seconds, from the shared predictions."
    version = 1
    requires = Requirements()
    summary = ("inherited", "inherited_difference", "lost_difference")
    Options = KnowledgeOptions
    metrics = METRICS

    def inapplicable(self, pool: ModelPool, data: Dataset) -> str:
        """What a student knows is judged against a teacher or a baseline."""
        known = any(member.role in ("teacher", "baseline") for member in pool)
        return "" if known else "needs a teacher or an independent baseline"

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict every test image with every member, and keep the images that the pictures show."""
        others = [member for member in pool if member.role != "teacher"]
        if not others:
            raise EvaluationError("knowledge needs a student or baseline besides the teacher: add one to the pool")
        if why := self.inapplicable(pool, data):
            raise EvaluationError(f"knowledge {why}: add one to the pool")
        arrays = {
            "predicted": np.stack([predict(member).predicted for member in others]).astype(np.int32),
            "labels": data.test.labels.cpu().numpy(),
            "class_names": np.array(data.test.class_names),
            "shown": np.array(self.options.shown),
        }
        if pool.teacher is not None:
            arrays["teacher"] = predict(pool.teacher).predicted.astype(np.int32)
        members = members_frame(others)
        arrays |= _shown_images(members, arrays, data)
        return Records(members, arrays, notes=_notes(members, arrays))

    def summarise(self, records: Records) -> pd.DataFrame:
        """The parts of the images, flips, changed classes, and images forgotten and gained."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The parts of the images, one stacked bar for each method; without a teacher, the classes that changed."""
        if (frame["metric"] == "retained").any():
            return stacked_parts(frame, self.metrics)
        return dots_and_intervals(frame, self.metric("changed_classes"))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's inherited errors, the classes that changed, and the images forgotten and gained."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """The images that each student forgets, gains, or gets wrong with the teacher."""
        names = [str(name) for name in records.arrays["class_names"]]
        chosen = chosen_images(records.members, records.arrays, names, int(records.arrays["shown"]))
        return pictures_of(chosen, records.arrays, names)


def _shown_images(members: pd.DataFrame, arrays: dict[str, np.ndarray], data: Dataset) -> dict[str, np.ndarray]:
    """The images of the pictures, uint8 (n, C, H, W), and their places in the test set."""
    import torch

    names = list(data.test.class_names)
    chosen = chosen_images(members, arrays, names, int(arrays["shown"]))
    places = np.unique(np.concatenate([each.images for each in chosen])) if chosen else np.empty(0, dtype=np.int64)
    pixels = np.empty((0, *data.test.shape), dtype=np.uint8)
    if len(places):
        pixels = data.test.read(torch.from_numpy(places)).cpu().numpy()
    return {"shown_images": places, "shown_pixels": pixels}


def _notes(members: pd.DataFrame, arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Note what was left out, and why."""
    notes = []
    if "teacher" not in arrays:
        notes.append("What was retained, lost and inherited is left out: it needs a teacher")
    if not (members["role"] == "baseline").any():
        notes.append("Changed classes, and images forgotten and gained, are left out: they need a baseline")
    elif not changed_images(members, arrays["predicted"], arrays["labels"]):
        notes.append("Images forgotten and gained are left out: they need three seeds of a student and of its baseline")
    return tuple(notes)
