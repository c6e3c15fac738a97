"""Does a student inherit the backdoor of its teacher?

Gu, Dolan-Gavitt, Garg, *BadNets* (arXiv 1708.06733); Chen et al., *Taught Well Learned Ill* (arXiv 2509.23871), whose
backdoors are made to pass through distillation: this one is the plain one, which makes no such attempt.

Under the condition `backdoor` the teacher was trained on images with a trigger and the label of a target class. The
attack success of a network is the share of the test images of other classes that it takes for the target class when
they carry the trigger; what it does without the trigger is subtracted in the trigger effect. A student that learned
from the teacher on clean images never saw the trigger: what it does beyond the independent baseline came from the
teacher.

The evaluation needs networks of the condition `backdoor`, and shows them the test images with the trigger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.backdoor.metrics import METRICS
from robustkd.evaluations.backdoor.sentences import sentences
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.painted_images import before_and_after, one_of_each_class
from robustkd.presentation.pictures import Picture
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt
    from torch import Tensor

    from robustkd.data import Dataset
    from robustkd.data.conditions.backdoor import Backdoor
    from robustkd.models import ModelPool


@EVALUATIONS.register("backdoor")
class BackdoorInheritance(Evaluation):
    """How many images with the trigger are taken for the target class."""

    name = "backdoor"
    title = "Backdoor"
    question = "Does a student inherit the backdoor of its teacher?"
    requires = Requirements(networks=True, condition="backdoor")
    metrics = METRICS
    cites = "Gu et al. 2017; Chen et al. 2025"
    summary = ("attack_success", "attack_success_excess")
    reading = (
        "The attack success of the teacher says whether there is a backdoor to inherit. A student has inherited it if "
        "its attack success is significantly above that of the independent baseline; the trigger effect leaves out "
        "images that are taken for the target class without the trigger too."
    )
    chance = (
        "A network that ignores the trigger has the attack success of its ordinary errors into the target class, and a "
        "trigger effect of 0."
    )
    control = "The independent baseline, which saw the same images as the students and no teacher."
    caveats = (
        "The trigger is the one that the study planted; other triggers, and backdoors that only distillation would "
        "activate, are not looked for."
    )
    cost = "One forward pass of the test images with the trigger by every network."

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every test image with the trigger."""
        return networks * images

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the test images without and with the trigger."""
        from robustkd.data.conditions.backdoor import Backdoor

        condition = data.condition
        if not isinstance(condition, Backdoor):
            raise EvaluationError("backdoor needs networks trained under the condition backdoor")
        triggered = condition.painting(data.test).on(data.test)
        labels = data.test.labels.cpu().numpy()
        shown = one_of_each_class(labels, condition.target)
        arrays = {
            "without": np.stack([predict(member).predicted for member in pool]).astype(np.int32),
            "with": np.stack([predict(member, triggered).predicted for member in pool]).astype(np.int32),
            "labels": labels,
            "target": np.array(condition.target),
            "class_names": np.array(data.test.class_names),
            "shown": shown,
            "images_without": data.test.read(_tensor(shown)).cpu().numpy(),
            "images_with": triggered.read(_tensor(shown)).cpu().numpy(),
        }
        return Records(members_frame(pool), arrays, notes=_notes(condition, labels, data.test.class_names))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Attack success and trigger effect over images of other classes, accuracy over all."""
        arrays = records.arrays
        other = arrays["labels"] != arrays["target"]
        rows = per_image_rows(records.members, {"clean_accuracy": arrays["without"] == arrays["labels"]}, self.metrics)
        if other.any():
            hit, before = (arrays[name][:, other] == arrays["target"] for name in ("with", "without"))
            values = {"attack_success": hit, "trigger_effect": hit.astype(np.float64) - before}
            rows = per_image_rows(records.members, values, self.metrics) + rows
        return tidy(rows)

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Attack success and accuracy by method."""
        import altair as alt

        names = [name for name in ("attack_success", "clean_accuracy") if (frame["metric"] == name).any()]
        return alt.vconcat(*(dots_and_intervals(frame, self.metric(name)) for name in names))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Whether the teacher's backdoor works, and each student's attack success against the baseline's."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """A few images without and with the trigger, and what the teacher and a student say."""
        arrays, shown = records.arrays, records.arrays["shown"]
        if not len(shown):
            return ()
        roles = records.members["role"].tolist()
        rows = np.array([roles.index(role) for role in ("teacher", "student") if role in roles], dtype=np.int64)
        who = " and ".join(records.members["member"].iloc[rows])
        caption = (
            "The first test image of each class other than the target class, of at most six classes; below it the "
            f"prediction of {who}."
        )
        return (
            before_and_after(
                ("trigger", "The trigger", caption),
                ("without the trigger", "with the trigger"),
                (arrays["images_without"], arrays["images_with"]),
                (arrays["without"][rows][:, shown], arrays["with"][rows][:, shown]),
                arrays["class_names"].tolist(),
                arrays["labels"][shown],
            ),
        )


def _tensor(indices: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(indices)


def _notes(condition: Backdoor, labels: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    target = names[condition.target] if condition.target < len(names) else str(condition.target)
    notes = [
        f"The trigger is a checkerboard of {condition.size}×{condition.size} pixels, {condition.position}; the target "
        f"class is {target}"
    ]
    if condition.poisoned == "all":
        notes.append(
            "All networks were trained on poisoned images: the difference to the baseline is what distillation adds to "
            "what the images teach"
        )
    if not (labels != condition.target).any():
        notes.append("Attack success is not defined: all test images are of the target class")
    return tuple(notes)
