"""Does a student become invariant to what its teacher is invariant to?

Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023), section 5: a network is
invariant to a change of the image if its decision stays the same, 1[f(X) = f(X′)]. X′ is the test image with jittered
colours, shifted, rotated or blurred; for crops, X and X′ are two random crops of one image, as in the paper's Table 10.
The invariance that a student has from its teacher is what it has beyond the independent baseline; how far it moved
towards the teacher is the slope of student − baseline on teacher − baseline over all kinds and strengths.

Published, for a ResNet-50 trained with colour jitter and a ResNet-18 (Table 7): the teacher decides the same on 92.5 %
of the jittered images, the independent network on 71.3 %, the student by KL on 82.1 %: it moved half of the way.

Every network sees the same changed images: what is drawn depends on the image and the seed, and stronger changes go in
the same direction as weaker ones. What lies beyond the border is mirrored. A network that always gives the same class
is perfectly invariant, so read invariance beside accuracy.

The evaluation needs the networks. Without a teacher or a baseline there is no share of the teacher's difference. Memory
is bounded by two changed sets, and by a byte for each network, change and image.

The files, in reading order: `options`; `changes`; `measure` below; `rows`, from decisions to tidy results, with `share`
for the slope; `metrics`, what each number means; `sentences`, the headline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.invariance.changes import changes, count_of_sets
from robustkd.evaluations.invariance.metrics import METRICS
from robustkd.evaluations.invariance.options import InvarianceOptions
from robustkd.evaluations.invariance.rows import all_rows
from robustkd.evaluations.invariance.sentences import sentences
from robustkd.evaluations.invariance.share import starts, teacher_differs
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.lines import small_multiples
from robustkd.presentation.pictures import Picture
from robustkd.presentation.rows_of_images import rows_of_images
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool

SHOWN = 6
"""The number of images of each kind of change that a report shows."""


@EVALUATIONS.register("invariance")
class Invariance(Evaluation):
    """Decisions that stay the same under changes of the image, and whose invariance that is."""

    name = "invariance"
    title = "Invariances"
    question = "Does a student become invariant to what its teacher is invariant to?"
    cites = "Ojha et al. 2023, section 5, Tables 7 to 10"
    version = 1
    requires = Requirements(networks=True)
    summary = ("invariance", "teacher_share")
    reading = (
        "Invariance is the share of decisions that a change of the image leaves the same. A student has taken over "
        "something if it moves from the independent baseline towards the teacher: the share of the teacher's "
        "difference says how far, 0% at the baseline and 100% at the teacher."
    )
    chance = (
        "An invariance gain of 0; a share of the teacher's difference of 0%, or somewhat above it with few baselines, "
        "whose own deviations enter both sides: with several, the baseline's own rows show how far."
    )
    control = (
        "The independent baseline, on the same changed images; with several seeds, each of them against the others."
    )
    caveats = (
        "A constant prediction is perfectly invariant: read invariance beside accuracy on the changed images. A "
        "student may gain it from its own augmentation, not from the teacher."
    )
    cost = "One forward pass of 18 changed sets of 1,000 images by every network."
    Options = InvarianceOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every changed image."""
        return networks * min(self.options.images or images, images) * count_of_sets(self.options)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the same changed images."""
        from robustkd.data.alterations.alteration import altered
        from robustkd.data.first_images import first_images
        from robustkd.data.sampled import sampled

        members = list(pool)
        used, places = sampled(data.test, self.options.images, self.options.seed)
        plain = [predict(member).predicted[places.numpy()] for member in members]
        agreed, kinds, strengths = [], [], []
        shown = {"test images": ("test images", first_images(used, SHOWN))}
        for change in changes(self.options):
            images = altered(used, change.second, places)
            seen = [predict(member, images).predicted for member in members]
            others = plain
            if change.first is not None:
                first = altered(used, change.first, places)
                others = [predict(member, first).predicted for member in members]
                shown[change.kind + " 1"] = change.label, first_images(first, SHOWN)
            agreed.append([one == other for one, other in zip(seen, others, strict=True)])
            kinds.append(change.kind)
            strengths.append(change.strength)
            label = change.label + (", second" if change.first is not None else "")
            shown[change.kind] = label, first_images(images, SHOWN)
        arrays = {
            "agreed": np.moveaxis(np.array(agreed), 0, 1),
            "kinds": np.array(kinds),
            "strengths": np.array(strengths, dtype=np.float64),
            "shown": np.array([label for label, _ in shown.values()]),
        }
        arrays |= {f"shown_{place}": images for place, (_, images) in enumerate(shown.values())}
        records = Records(members_frame(members), arrays)
        return Records(records.members, arrays, notes=tuple(_notes(records)))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Means over kinds, each kind, the share of the teacher's difference, and each strength."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The mean by method, and curves over the strength of each kind of change."""
        import altair as alt

        metric = self.metric("invariance")
        rows = frame[(frame["metric"] == metric.name) & frame["strength"].notna()]
        curves = small_multiples(rows, metric, "strength").resolve_scale(x="independent")
        return alt.vconcat(dots_and_intervals(frame, metric), curves).resolve_scale(color="independent")

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's invariance against the baseline's, and how far it moved towards the teacher."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """The first images under each kind of change, at its greatest strength."""
        labels = [str(label) for label in records.arrays["shown"]]
        rows = [records.arrays[f"shown_{place}"] for place in range(len(labels))]
        caption = (
            f"The first {SHOWN} of the images that were used, under each kind of change at its greatest strength, "
            "which is in the label; for crops it is the share of the area that is cut away."
        )
        return (rows_of_images("changes", "Changed images", caption, labels, rows),)


def _notes(records: Records) -> list[str]:
    """Why there is no share of the teacher's difference, where there is none."""
    members, agreed = records.members, records.arrays["agreed"]
    teacher = np.flatnonzero(members["role"] == "teacher")
    if not len(teacher):
        return ["There is no teacher, so it is unknown whether a student moved towards it"]
    baselines = np.flatnonzero(members["role"] == "baseline")
    if not len(baselines):
        return ["There is no independent baseline, so it is unknown whether a student moved towards the teacher"]
    unclear = [
        str(members["member"].iloc[row])
        for row, start in starts(members).items()
        if not teacher_differs(agreed, int(teacher[0]), start)
    ]
    if not unclear:
        return []
    return [
        "The teacher's invariances differ too little from the independent baseline's to say how far "
        f"{', '.join(unclear)} moved towards it"
    ]
