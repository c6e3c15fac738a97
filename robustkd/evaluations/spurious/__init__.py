"""Does a student inherit the shortcut of its teacher?

Geirhos et al., *Shortcut Learning in Deep Neural Networks* (Nature Machine Intelligence 2020), on correlations that
hold in training alone; Cheng, Agarwal, Amiri, *Do Students Debias Like Teachers?* (arXiv 2510.26038).

Under the condition `spurious` the teacher was trained on images with a border whose colour tells the class. The test
images get the border of another class, drawn at random: a decision for the class of the border follows the border, not
the image. A student that learned from the teacher on images without borders never saw one: what it does beyond the
independent baseline came from the teacher.

The evaluation needs networks of the condition `spurious`, and shows them the test images with a border.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.spurious.metrics import METRICS
from robustkd.evaluations.spurious.sentences import sentences
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.painted_images import before_and_after, one_of_each_class
from robustkd.presentation.pictures import Picture
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("spurious")
class SpuriousInheritance(Evaluation):
    """How many decisions follow the border of another class."""

    name = "spurious"
    title = "Spurious border"
    question = "Does a student inherit the shortcut of its teacher?"
    requires = Requirements(networks=True, condition="spurious")
    metrics = METRICS
    cites = "Geirhos et al. 2020; Cheng et al. 2025"
    summary = ("follows_border", "follows_border_excess")
    reading = (
        "The share of decisions of the teacher that follow the border says whether there is a shortcut to inherit. A "
        "student has inherited it if its share is significantly above that of the independent baseline. A border also "
        "covers pixels, so accuracy may fall without any shortcut; the baseline shows by how much."
    )
    chance = (
        "A network that ignores the border follows it only where it errs into just that class: about its error rate "
        "divided by the number of other classes. Its border effect is 0."
    )
    control = "The independent baseline, which saw the same images as the students and no teacher."
    caveats = "The border is the one that the study planted; other shortcuts are not looked for."
    cost = "One forward pass of the test images with a border by every network."

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every test image with a border."""
        return networks * images

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the test images without and with the border of another class."""
        import torch

        from robustkd.data.conditions.spurious import Spurious

        condition = data.condition
        if not isinstance(condition, Spurious):
            raise EvaluationError("spurious needs networks trained under the condition spurious")
        labels = data.test.labels.cpu().numpy()
        borders = condition.other_classes(labels, data.num_classes)
        bordered = condition.painting(data.test, borders).on(data.test)
        shown = one_of_each_class(labels)
        notes = [f"Borders are {condition.width} pixel{'s' * (condition.width > 1)} wide"]
        if condition.marked == "all":
            notes.append(
                "All networks were trained on images with borders: the difference to the baseline is what distillation "
                "adds to what the images teach"
            )
        arrays = {
            "without": np.stack([predict(member).predicted for member in pool]).astype(np.int32),
            "with": np.stack([predict(member, bordered).predicted for member in pool]).astype(np.int32),
            "labels": labels,
            "borders": borders,
            "class_names": np.array(data.test.class_names),
            "shown": shown,
            "images_without": data.test.read(torch.from_numpy(shown)).cpu().numpy(),
            "images_with": bordered.read(torch.from_numpy(shown)).cpu().numpy(),
        }
        return Records(members_frame(pool), arrays, notes=tuple(notes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Decisions that follow the border, and accuracy without and with it."""
        arrays = records.arrays
        follows, before = (arrays[name] == arrays["borders"] for name in ("with", "without"))
        right, right_before = (arrays[name] == arrays["labels"] for name in ("with", "without"))
        values = {
            "follows_border": follows,
            "border_effect": follows.astype(np.float64) - before,
            "accuracy_loss": right_before.astype(np.float64) - right,
            "clean_accuracy": right_before,
        }
        return tidy(per_image_rows(records.members, values, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Decisions that follow the border, and loss of accuracy, by method."""
        import altair as alt

        return alt.vconcat(
            *(dots_and_intervals(frame, self.metric(name)) for name in ("follows_border", "accuracy_loss"))
        )

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Whether the teacher follows the border, and each student's share against the baseline's."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """A few images without and with a border, and what the teacher and a student say."""
        arrays, shown = records.arrays, records.arrays["shown"]
        roles = records.members["role"].tolist()
        rows = np.array([roles.index(role) for role in ("teacher", "student") if role in roles], dtype=np.int64)
        who = " and ".join(records.members["member"].iloc[rows])
        names = arrays["class_names"].tolist()
        stands_for = ", ".join(names[label] for label in arrays["borders"][shown].tolist())
        caption = (
            "The first test image of each class, of at most six classes; below it the prediction of "
            f"{who}. The borders stand for the classes {stands_for}."
        )
        return (
            before_and_after(
                ("borders", "The borders", caption),
                ("without a border", "border of another class"),
                (arrays["images_without"], arrays["images_with"]),
                (arrays["without"][rows][:, shown], arrays["with"][rows][:, shown]),
                names,
                arrays["labels"][shown],
            ),
        )
