"""Do the networks notice images of no class, and does a student doubt what its teacher doubts?

A score of a network is meant to be higher for test images than for images that belong to no class: the largest
probability (Hendrycks, Gimpel, *A Baseline for Detecting Misclassified and Out-of-Distribution Examples in Neural
Networks*, ICLR 2017), the largest logit (Hendrycks et al., *Scaling Out-of-Distribution Detection for Real-World
Settings*, ICML 2022), and the energy (Liu et al., *Energy-based Out-of-distribution Detection*, NeurIPS 2020). How well
it tells them apart is the area under the ROC curve (AUROC), that under the precision–recall curve with the test images
as positives (AUPR), and the share that is accepted at the threshold that accepts 95 % of the test images (FPR at 95 %).

Beside how good the score is stands whose it is: its rank correlation with the teacher's over the same images, beyond
that of the independent baseline.

Near sets resemble the test images: these blurred, or cut into patches and shuffled, and the data sets named in `sets`.
Far sets do not: noise, and those in `far_sets`. Means are over sets, each of which counts the same.

The evaluation needs the networks. Without a teacher there is no correlation. Memory is bounded by one set of images and
by three scores for each network and image.

The files, in reading order: `options`; `sets`, the images; `scores`; `measure` below; `rows`, from scores to tidy
results; `metrics`, what each number means; `sentences`, the headline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.ood.metrics import METRICS
from robustkd.evaluations.ood.options import OodOptions
from robustkd.evaluations.ood.rows import all_rows
from robustkd.evaluations.ood.scores import SCORES, scores_of
from robustkd.evaluations.ood.sentences import sentences
from robustkd.evaluations.ood.sets import GENERATED, outside_sets
from robustkd.presentation.by_part import dots_by_part
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.pictures import Picture
from robustkd.presentation.rows_of_images import rows_of_images
from robustkd.results.records import Check, Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool

SHOWN = 6
"""The number of images of each set that a report shows."""

GENERATED_SETS = 4
"""The number of sets that are made of the test images."""


@EVALUATIONS.register("ood")
class Ood(Evaluation):
    """Detection of images that belong to no class, and whether it is the teacher's."""

    name = "ood"
    title = "Out-of-distribution detection"
    question = "Do the networks notice images of no class, and does a student doubt what its teacher doubts?"
    cites = "Hendrycks, Gimpel 2017; Hendrycks et al. 2022; Liu et al. 2020"
    version = 1
    requires = Requirements(networks=True)
    reads_folders = ("sets", "far_sets")
    summary = ("msp_auroc", "msp_correlation_excess")
    reading = (
        "AUROC says how well a network tells test images from images of no class. The rank correlation says whether it "
        "finds the same of these images unfamiliar as the teacher does; what counts is its excess over the independent "
        "baseline's. The three scores may disagree: MSP is the usual one."
    )
    chance = "AUROC 50%, AUPR the share of test images (50% for sets of one size), FPR 95%, rank correlation 0."
    control = (
        "The independent baseline, on the same images: two networks of one data set find similar images unfamiliar."
    )
    caveats = (
        "The sets of unknown images decide the numbers: near sets are harder than noise, and a score that is best on "
        "one may be worst on another."
    )
    cost = "One forward pass of four generated sets, and of each named one, by every network; 1,000 images each."
    Options = OodOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every image of every set."""
        sets = GENERATED_SETS + len(self.options.sets) + len(self.options.far_sets)
        return networks * min(self.options.images or images, images) * sets

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Score the test images and every set with every member."""
        from robustkd.data.first_images import first_images
        from robustkd.data.sampled import sampled

        members = list(pool)
        used, places = sampled(data.test, self.options.images, self.options.seed)
        inside = np.stack([scores_of(predict(member))[:, places.numpy()] for member in members])
        arrays = {"inside": inside, "shown_inside": first_images(used, SHOWN)}
        names: list[str] = []
        near: list[bool] = []
        generated: list[bool] = []
        notes: list[str] = []
        for each in outside_sets(self.options, data, used, places):
            if isinstance(each, str):
                notes.append(each)
                continue
            arrays[f"shown_{len(names)}"] = first_images(each.images, SHOWN)
            arrays[f"outside_{len(names)}"] = np.stack([scores_of(predict(member, each.images)) for member in members])
            names.append(each.name)
            near.append(each.near)
            generated.append(each.generated)
            notes += each.notes
        arrays |= {"sets": np.array(names), "near": np.array(near), "generated": np.array(generated)}
        seen = [arrays[key] for key in arrays if key == "inside" or key.startswith("outside_")]
        checks, more = _scores_that_say_nothing([member.name for member in members], seen)
        if pool.teacher is None:
            more.append("There is no teacher, so no score is compared with its score")
        return Records(members_frame(members), arrays, tuple(checks), (*notes, *more))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Areas under curves, false alarms and correlations: means over sets, and each set."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """AUROC of the largest probability: the mean over sets by method, and each set."""
        import altair as alt

        metric = self.metric("msp_auroc")
        whole, parts = dots_and_intervals(frame, metric), dots_by_part(frame, metric)
        return alt.vconcat(whole, parts).resolve_scale(color="independent")

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's AUROC against the baseline's, and the correlation with the teacher's score."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """The first images of each set."""
        names = [str(name).removesuffix(GENERATED) for name in records.arrays["sets"]]
        rows = [records.arrays["shown_inside"], *(records.arrays[f"shown_{place}"] for place in range(len(names)))]
        caption = (
            f"The first {SHOWN} of the images that were used of each set; a generated image is made of the test image "
            "above it, noise of none."
        )
        picture = rows_of_images("sets", "Test images, and images of no class", caption, ["test images", *names], rows)
        return (picture,)


def _scores_that_say_nothing(names: list[str], seen: list[np.ndarray]) -> tuple[list[Check], list[str]]:
    """A check for each network whose scores are not finite, and a note for each whose score is constant."""
    checks, notes = [], []
    for row, name in enumerate(names):
        finite = all(np.isfinite(scores[row]).all() for scores in seen)
        if not finite:
            detail = f"{name} gives logits that are not finite for some images of no class, so its numbers are void"
            checks.append(Check("finite scores", False, detail, name))
        for scores in seen:
            scores[row] = np.nan_to_num(scores[row])
        for at, title in enumerate(SCORES.values()):
            every = np.concatenate([scores[row, at] for scores in seen])
            if finite and np.ptp(every) < 1e-5:
                notes.append(f"The {title} of {name} is the same for every image, so it tells nothing")
    return checks, notes
