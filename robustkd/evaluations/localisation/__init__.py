"""Do the networks look at the same place as the teacher?

Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023, arXiv 2205.16004), section 4:
Grad-CAM (Selvaraju et al., arXiv 1610.02391) of the true class, in the teacher, in a student and in an independent
network, and the share of images whose map of the teacher is closer, by cosine, to the student's than to the
independent's; chance is 50 %. Beside this share stands the mean cosine, and its excess over the independent baseline's.

Controls: a second independent baseline in place of the student, where the pool has two; the teacher's maps of other
images, because maps of centred objects are alike whatever they show. Deletion (Petsiuk et al., arXiv 1806.07421) checks
on a small sample that the maps mean something.

The map of a vision transformer is that of its last block's tokens, of any other network its last map of more than one
position; a note names the module. Maps of all networks are brought to one grid, so networks of different input sizes
can be compared. A network that crops the images has maps of what it sees of them.

The evaluation needs the networks and a teacher. Its memory is that of a batch, of grid² float32 numbers for each image
of three networks, and of a few numbers for each image and network.

The files, in reading order: `options`; `measurement`, from images to arrays; `grad_cam`, `deletion`, the pure
functions; `rows`, from records to tidy results; `metrics`; `sentences`; `overlays`, the picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.localisation.measurement import VERSION, measured, sample_of, shown_images
from robustkd.evaluations.localisation.metrics import METRICS
from robustkd.evaluations.localisation.options import LocalisationOptions
from robustkd.evaluations.localisation.overlays import map_pictures
from robustkd.evaluations.localisation.rows import all_rows
from robustkd.evaluations.localisation.sentences import sentences
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.pictures import Picture
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("localisation")
class Localisation(Evaluation):
    """Similarity of class activation maps with the teacher's, in excess of the independent baseline's."""

    name = "localisation"
    title = "Localisation"
    question = "Do the networks look at the same place as the teacher?"
    cites = "Selvaraju et al. 2017; Ojha et al. 2023, section 4; Petsiuk et al. 2018"
    version = VERSION
    reading = (
        "A map says where in the image a network finds the true class. The share of images whose map is closer to the "
        "teacher's than the baseline's is above 50% if the student learned where to look; the mean cosine and its "
        "excess say by how much. Maps whose deletion gain is not above 0 say little."
    )
    chance = (
        "50% of the images are closer by chance; the cosine that chance and centred objects give is measured with the "
        "teacher's maps of other images."
    )
    control = "The independent baseline, and two independent baselines with each other where the pool has them."
    caveats = (
        "Grad-CAM sees the last feature map alone, a few cells wide on small images, and similar maps need not mean "
        "similar reasons."
    )
    cost = "One pass of 1,000 images by every network, and 18 forward passes of 50 images."
    requires = Requirements(networks=True, gradients=True, teacher=True)
    summary = ("map_closer", "map_cosine_excess")
    Options = LocalisationOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """The gradient concerns the last layers alone; deletion shows some images again and again."""
        options = self.options
        used = min(options.images or images, images)
        return networks * (1.5 * used + 2 * (options.deletion_steps + 1) * min(options.deletion_images, used))

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Compute the maps of every member, and compare them with the teacher's."""
        if pool.teacher is None:
            raise EvaluationError("localisation needs a teacher: add one to the pool")
        sample = sample_of(data.test, self.options)
        others = [member for member in pool if member.role != "teacher"]
        members, arrays, notes = measured(pool.teacher, others, sample, self.options, predict)
        arrays |= {
            "image": sample.places,
            "label": sample.images.labels.cpu().numpy(),
            "class_names": np.array(data.test.class_names),
            "shown": sample.shown,
            "shown_images": shown_images(sample),
        }
        return Records(members_frame(members), arrays, notes=tuple(notes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Map similarity, the share of closer maps, controls, and the check by deletion."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """The share of closer maps and the mean cosine, by method."""
        import altair as alt

        shown = [name for name in ("map_closer", "map_cosine", "deletion_gain") if (frame["metric"] == name).any()]
        charts = (dots_and_intervals(frame, self.metric(name)) for name in shown)
        return alt.vconcat(*charts).resolve_scale(color="independent")

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's map similarity, the share of closer maps, and what they are compared with."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """Some images with the maps of teacher, baseline and students."""
        return map_pictures(records)
