"""Do the networks draw the boundaries between classes where the teacher does?

Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023, arXiv 2205.16004), table 1: the
IoU of a student's and the teacher's predictions on planes through 50 random triplets of test images, against an
independent network's. Planes and IoU are those of Somepalli et al., *Can Neural Nets Learn the Same Model Twice?* (CVPR
2022, arXiv 2203.08124): the share of points with the same predicted class. The variant ``class_mean`` is the
intersection over union of each class's region, averaged over the classes of a plane.

Controls: the independent baseline; two independent baselines with each other, where the pool has two; the teacher's
predictions on other planes, which chance and frequent classes make equal.

The evaluation needs the networks and a teacher. Its memory is that of a batch of points, and of 2 bytes for each point,
plane and network.

The files, in reading order: `options`; `planes` and `overlap`, the pure functions; `measurement`, what the networks
predict; `rows`, from records to tidy results; `metrics`; `maps`, the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.decision_boundary.maps import plane_pictures
from robustkd.evaluations.decision_boundary.measurement import VERSION, Planes, draw_planes, predicted_classes
from robustkd.evaluations.decision_boundary.metrics import METRICS
from robustkd.evaluations.decision_boundary.options import DecisionBoundaryOptions
from robustkd.evaluations.decision_boundary.rows import all_rows
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import quantity
from robustkd.presentation.pictures import Picture
from robustkd.presentation.sentences import Phrases, findings
from robustkd.progress import progress
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("decision_boundary")
class DecisionBoundary(Evaluation):
    """Agreement with the teacher on planes through test images, in excess of the independent baseline's."""

    name = "decision_boundary"
    title = "Decision boundary"
    question = "Do the networks draw the boundaries between classes where the teacher does?"
    cites = "Somepalli et al. 2022; Ojha et al. 2023"
    version = VERSION
    reading = (
        "The IoU is the share of points between and around three test images for which network and teacher predict the "
        "same class; 100% means the same boundaries there. Accurate networks have similar boundaries without any "
        "teacher, so what counts is the excess over the independent baseline. Most points are mixtures of images, not "
        "images."
    )
    chance = "Measured with the teacher's predictions on other planes."
    control = "The independent baseline, and two independent baselines with each other where the pool has them."
    caveats = (
        "Planes through three images cover a small part of all inputs, and most of their points look like no image; "
        "two networks that agree there may differ elsewhere."
    )
    cost = "One forward pass of 20,000 points (50 planes of 20 × 20) by every network."
    requires = Requirements(networks=True, teacher=True)
    summary = ("boundary_iou", "boundary_iou_excess")
    Options = DecisionBoundaryOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every point."""
        return float(networks * self.options.planes * self.options.resolution**2)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the same planes."""
        members, options = list(pool), self.options
        if pool.teacher is None:
            raise EvaluationError("decision_boundary needs a teacher: add one to the pool")
        if len(members) < 2:
            raise EvaluationError("decision_boundary needs a network besides the teacher: add one to the pool")
        planes = draw_planes(data.test, options)
        classes = []
        with progress("planes", len(members)) as advance:
            for member in members:
                classes.append(predicted_classes(member, planes, options, predict))
                advance(1)
        arrays = {
            "classes": np.stack(classes),
            "triplets": planes.triplets,
            "labels": data.test.labels.cpu().numpy()[planes.triplets],
            "corners": np.stack([plane.corners for plane in planes]),
            "margin": np.array(options.margin),
            "class_names": np.array(data.test.class_names),
            "shown_images": _shown(planes, options.shown),
        }
        return Records(members_frame(members), arrays)

    def summarise(self, records: Records) -> pd.DataFrame:
        """Both IoUs, their differences to the baseline's, chance, and two baselines with each other."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Both IoUs by method."""
        import altair as alt

        charts = (dots_and_intervals(frame, self.metric(name)) for name in ("boundary_iou", "boundary_class_iou"))
        return alt.vconcat(*charts)

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's IoU and its excess over the baseline's; then what chance and the control give."""
        iou, excess = self.metric("boundary_iou"), self.metric("boundary_iou_excess")
        said = findings(student_findings(frame, iou.name, excess.name), iou, excess, PHRASES)
        shuffled = frame[(frame["metric"] == "boundary_iou_shuffled") & (frame["level"] == "method")]["value"].dropna()
        between = frame[frame["metric"] == "boundary_iou_between_baselines"]["value"].dropna()
        known = []
        if len(shuffled):
            known.append(
                f"with the teacher's predictions on other planes, the share is {quantity(shuffled.mean(), iou)}"
            )
        if len(between):
            known.append(f"two independent baselines agree on {quantity(between.mean(), iou)}")
        return [*said, f"For comparison: {'; '.join(known)}."] if known else said

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """Some planes, side by side for teacher, baseline and students."""
        return plane_pictures(records)


PHRASES = Phrases(
    one="On planes through test images, {student} predicts the teacher's class for {value} of the points",
    against="against the independent baseline",
    many="Boundary IoU with the teacher against the independent baseline",
    verdicts=("closer to the teacher", "no significant difference", "further from the teacher"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)


def _shown(planes: Planes, count: int) -> np.ndarray:
    """The images of the first planes, uint8 (S, 3, H, W, 3)."""
    channels, height, width = planes.images.shape
    shown = [planes.pixels(triplet).transpose(0, 2, 3, 1) for triplet in planes.triplets[:count]]
    if not shown:
        return np.empty((0, 3, height, width, 3), dtype=np.uint8)
    images = (np.stack(shown) * 255).round().astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:4], 3)) if channels == 1 else images)
