"""How closely does each network follow the teacher's predictions?

Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021), section 3: top-1 agreement, mean 1[argmax
p_t = argmax p_s], and predictive KL, mean KL(p_t ‖ p_s) at temperature 1. Two accurate networks agree whether or not
one taught the other, so every number is also reported **in excess of the independent baseline** and, where the pool has
one, over a **student of another teacher**. The teacher may be an ensemble (section 4.1 of the paper). Agreement is
measured on training images too (section 5.1), and on further sets on request.

* Agreement where the teacher is right, where it is wrong, and the share of common errors with the same class: *A
  Functional Perspective on Knowledge Distillation in Neural Networks* (arXiv 2510.12615).
* Error consistency κ (Geirhos, Meding, Wichmann, *Beyond accuracy*, NeurIPS 2020, equations 1 and 3) corrects the
  agreement for the part that the accuracies alone imply; κ_p does so for probabilities (Goel et al., *Great Models
  Think Alike and this Undermines AI Oversight*, arXiv 2502.04313).
* Jensen–Shannon divergence, total variation, and Spearman's correlation of the probabilities of the classes that are
  not the label.
* The KL divergence across and within groups of frequent, middle and rare classes (arXiv 2506.18496), where the classes
  differ in size by a factor of two or more.
* Agreement against the calibration error, the claim of Stanton et al., section 7.

The evaluation needs a teacher and predictions for the test images; for training images and further sets, the networks
classify these too. Memory: about fifteen numbers for each network and image, and the probabilities of a part of the
images of two networks.

The files, in reading order: `options`; `image_sets`, the images besides the test images; `measurement`, what is
recorded, with `divergences` and `ranks`; `class_groups`; `consistency`, κ and κ_p; `rows`, from records to tidy
results; `metrics`, what each number means; `charts` and `sentences`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.fidelity.charts import agreement_against_ece
from robustkd.evaluations.fidelity.class_groups import class_groups
from robustkd.evaluations.fidelity.consistency import error_consistency
from robustkd.evaluations.fidelity.divergences import kl_divergence
from robustkd.evaluations.fidelity.image_sets import further_set, training_sample
from robustkd.evaluations.fidelity.measurement import compared
from robustkd.evaluations.fidelity.metrics import METRICS
from robustkd.evaluations.fidelity.notes import notes_on
from robustkd.evaluations.fidelity.options import FidelityOptions
from robustkd.evaluations.fidelity.rows import all_rows
from robustkd.evaluations.fidelity.sentences import ENOUGH, sentences
from robustkd.presentation.dots import dots_and_intervals
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, ModelPool

__all__ = ["Fidelity", "error_consistency", "kl_divergence"]


@EVALUATIONS.register("fidelity")
class Fidelity(Evaluation):
    """Agreement with the teacher, in excess of the independent baseline's."""

    name = "fidelity"
    title = "Fidelity"
    question = "How closely does each network follow the teacher's predictions?"
    cites = "Stanton et al. 2021; Geirhos et al. 2020; Goel et al. 2025; arXiv 2510.12615, 2506.18496"
    reading = (
        "Agreement is the share of images for which network and teacher predict the same class. Two accurate networks "
        "agree on most images whether or not one taught the other, so read the excess over the baseline. Where the "
        "teacher is wrong, agreement means that its errors were copied."
    )
    chance = "Error consistency, κ_p and the rank correlation are 0 by chance; an excess is 0 for what nobody taught."
    control = "The independent baseline and, where the pool has one, a student of another teacher."
    caveats = (
        "Agreement rises with accuracy alone, so that two students can be compared only where they are about as "
        "accurate; on images that both networks find easy it says nothing about the teacher."
    )
    cost = "One forward pass of 1,000 training images by every network; the rest is from the shared predictions."
    version = 3
    requires = Requirements(teacher=True)
    reads_folders = ("sets",)
    summary = ("agreement", "agreement_excess")
    Options = FidelityOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies the training images and those of further sets."""
        others = len(self.options.sets) * min(self.options.images or images, images)
        return networks * (self.options.train_images + others)

    def reads(self, data: Dataset) -> tuple[str, ...]:
        """The training images that it reads."""
        sample = training_sample(self.options, data)
        return () if sample is None else (sample.digest,)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Compare every other member's prediction for each image with the teacher's."""
        if pool.teacher is None:
            raise EvaluationError("fidelity needs a teacher: add one to the pool")
        others = [member for member in pool if member.role != "teacher"]
        if not others:
            raise EvaluationError("fidelity needs a student or baseline besides the teacher: add one to the pool")
        teacher = predict(pool.teacher)
        groups, about_groups = class_groups(data)
        found = [compared(teacher, predict(member), groups) for member in others]
        arrays = {name: np.stack([each[name] for each in found]) for name in found[0]}
        arrays |= {name: arrays[name][0] for name in ("teacher_correct", "teacher_label")}
        arrays["classes"] = np.array(teacher.logits.shape[1])
        sets, about_sets = self._on_other_images(pool.teacher, others, data, predict)
        notes = notes_on([member.name for member in others], arrays)
        return Records(members_frame(others), arrays | sets, notes=(about_groups, *about_sets, *notes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Agreement and divergences, their differences to the baseline's and the control's, κ and κ_p."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Agreement and KL by method; for enough students the calibration error over the agreement."""
        import altair as alt

        whole = frame[frame["level"] != "detail"]
        charts = [dots_and_intervals(whole, self.metric(name)) for name in ("agreement", "kl")]
        if (frame[frame["metric"] == "ece"]["role"] == "student").sum() < ENOUGH:
            return alt.vconcat(*charts)
        return alt.vconcat(*charts, agreement_against_ece(frame))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's agreement, that where the teacher is wrong, and both in excess of the baseline's."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def _on_other_images(
        self, teacher: Member, others: Sequence[Member], data: Dataset, predict: Predict
    ) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
        """Agreement on training images and on further sets, (M, n) each, and notes."""
        arrays: dict[str, np.ndarray] = {}
        notes: list[str] = []

        def agreement(images: ImageSet) -> np.ndarray:
            taught = predict(teacher, images).predicted
            return np.stack([predict(member, images).predicted == taught for member in others])

        sample = training_sample(self.options, data)
        if sample is not None:
            arrays["agreement_train"] = agreement(sample)
        elif self.options.train_images:
            notes.append("Agreement on training images is left out: the data have none")
        names: list[str] = []
        for name in dict.fromkeys(self.options.sets):
            images, about = further_set(name, self.options, data)
            notes += about
            if images is not None:
                arrays[f"agreement_{len(names)}"] = agreement(images)
                names.append(name)
        return arrays | {"sets": np.array(names, dtype=np.str_)}, tuple(notes)
