"""Does a student give away which images its teacher was trained on?

Jagielski et al., *Students Parrot Their Teachers* (NeurIPS 2023, arXiv 2303.03446); Carlini et al., *Membership
Inference Attacks From First Principles* (S&P 2022, arXiv 2112.03570).

Under the condition `membership` only the teacher was trained on some images. An attacker who sees a student tries to
tell them from test images, which nobody was trained on. A score that is higher for members gives the area under the ROC
curve and, as Carlini et al. ask, the true positive rate at a low false positive rate. There are two scores: the
negative loss, and that of the offline likelihood ratio attack (LiRA), which compares the confidence with that of
reference networks, here the independent baselines, because an image may be easy for every network. For a baseline the
references are the others.

The evaluation needs networks of the condition `membership` and the training images. It holds one score for each network
and image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.membership.attack import leaks, lira_scores, scaled_confidence
from robustkd.evaluations.membership.metrics import METRICS
from robustkd.evaluations.membership.options import MembershipOptions
from robustkd.evaluations.membership.sentences import sentences
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.numbers import join
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy
from robustkd.statistics.resampling import resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool

COVERS = "95% bootstrap over images"


@EVALUATIONS.register("membership")
class MembershipInference(Evaluation):
    """How well images that only the teacher saw are told from test images."""

    name = "membership"
    title = "Membership"
    question = "Does a student give away which images its teacher was trained on?"
    requires = Requirements(networks=True, training=True, condition="membership")
    metrics = METRICS
    summary = ("loss_auc", "lira_auc")
    Options = MembershipOptions
    cites = "Jagielski et al. 2023; Carlini et al. 2022"
    reading = (
        "The AUC of the teacher says how much it remembers of these images. A student was never trained on them: an "
        "AUC significantly above the baseline's came from the teacher. The true positive rate tells how many members "
        "are found almost without a false alarm, which is what matters to them."
    )
    chance = "A score that says nothing has an AUC of 50% and a true positive rate equal to the false positive rate."
    control = "The independent baselines, which were trained on neither the members nor the test images."
    caveats = (
        "The attacks are simple ones that read predictions; an AUC of 50% is no proof of privacy against a stronger "
        "attack."
    )
    cost = "One forward pass of the images that only the teacher saw by every network."

    def inapplicable(self, pool: ModelPool, data: Dataset) -> str:
        """The members are training images."""
        return "" if data.train is not None else "needs the training images"

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies the images that only the teacher saw."""
        return networks * (self.options.images or images)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Score images that only the teacher saw, and test images, with every member."""
        from robustkd.data.conditions.membership import Membership

        if not isinstance(data.condition, Membership):
            raise EvaluationError("membership needs networks trained under the condition membership")
        held_out = data.trained_on(role="student").held_out
        random = np.random.default_rng(self.options.seed)
        chosen, tested = (_some(count, self.options.images, random) for count in (len(held_out), len(data.test)))
        members = data.training.subset(held_out[chosen])
        seen = [(predict(member, members), predict(member)) for member in pool]
        arrays = {
            "loss_members": np.stack([inside.nll for inside, _ in seen]),
            "loss_others": np.stack([outside.nll[tested] for _, outside in seen]),
            "confidence_members": np.stack([scaled_confidence(inside) for inside, _ in seen]),
            "confidence_others": np.stack([scaled_confidence(outside)[tested] for _, outside in seen]),
            "false_positives": np.array(self.options.false_positives),
        }
        frame = members_frame(pool)
        return Records(frame, arrays, notes=_notes(frame, len(chosen), len(tested), self.options.false_positives))

    def summarise(self, records: Records) -> pd.DataFrame:
        """AUC and true positive rate of both scores."""
        arrays, allowed = records.arrays, float(records.arrays["false_positives"])
        baselines = np.flatnonzero(records.members["role"] == "baseline")
        inside, outside = lira_scores(arrays["confidence_members"], arrays["confidence_others"], baselines)
        images = arrays["loss_members"].shape[1] + arrays["loss_others"].shape[1]
        by_loss = [
            leaks("loss", -members, -others, allowed)
            for members, others in zip(arrays["loss_members"], arrays["loss_others"], strict=True)
        ]
        by_ratio = [leaks("lira", *scores, allowed) for scores in zip(inside, outside, strict=True)]
        found = resampled(by_loss, images, covers=COVERS) | resampled(by_ratio, images, covers=COVERS)
        return tidy(metric_rows(records.members, found, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Both AUCs by method."""
        import altair as alt

        known = frame[frame["value"].notna()]["metric"].unique()
        names = [name for name in ("loss_auc", "lira_auc") if name in known]
        return alt.vconcat(*(dots_and_intervals(frame, self.metric(name)) for name in names))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """What the teacher remembers, and each student's AUC against the baseline's."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})


def _some(count: int, most: int | None, random: np.random.Generator) -> np.ndarray:
    """The places of at most so many of some images, int64."""
    if most is None or most >= count:
        return np.arange(count)
    return np.sort(random.choice(count, most, replace=False))


def _notes(members: pd.DataFrame, inside: int, outside: int, allowed: float) -> tuple[str, ...]:
    notes = [f"{inside:,} images that only the teacher saw are told from {outside:,} test images"]
    if outside * allowed < 1:
        notes.append(
            f"{outside:,} test images are few for a false positive rate of {100 * allowed:g}%: the true positive rate "
            "is that without any false positive"
        )
    baselines = members[members["role"] == "baseline"]
    if baselines.empty:
        notes.append("Without an independent baseline there are no reference networks, so LiRA is not defined")
    elif len(baselines) == 1:
        name = join(baselines["member"].tolist())
        notes.append(f"LiRA is not defined for {name}: it is the only reference network; give several baselines")
    return tuple(notes)
