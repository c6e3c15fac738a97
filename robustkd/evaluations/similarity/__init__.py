"""Do the networks represent images as the teacher does?

Linear CKA (Kornblith et al., *Similarity of Neural Network Representations Revisited*, ICML 2019) of features averaged
over positions, as Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021) describe it, and mutual
nearest neighbours (Huh et al., *The Platonic Representation Hypothesis*, arXiv 2405.07987), of every network with the
teacher: for the pooled features, which are the input of the classifier, and for each block. Networks trained on the
same data are similar whether or not one taught the other, so both are also reported **in excess of the independent
baseline**. What chance gives is measured with the teacher's features of other images.

Blocks are matched by their relative order, the first with the first and the last with the last: block j of S with
block round(j (T − 1)/(S − 1)) of the teacher's T, counted from 0; a single block with the last one. Of a network
without timm's `forward_intermediates`, only the pooled features are compared: the input of its last linear layer.

The variant ``gnosis`` is what the published code of Stanton et al. computes; see `gnosis`. Only the values of the paper
compare with it.

The evaluation needs the networks and a teacher. It holds the features of two networks at a time: 4 bytes for each
image and channel of their blocks, and one matrix of the channels of two blocks in float64.

The files, in reading order: `options`; `comparer`, which networks are compared; `stages`, what of a network;
`measurement`, the comparison of two networks; `cka`, `neighbours`, `gnosis`, the pure functions; `rows`, from records
to tidy results; `metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.similarity.comparer import VERSION, Comparer, of_pooled, stacked
from robustkd.evaluations.similarity.metrics import METRICS
from robustkd.evaluations.similarity.options import SimilarityOptions
from robustkd.evaluations.similarity.rows import all_rows
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.findings import student_findings
from robustkd.presentation.lines import lines_over
from robustkd.presentation.numbers import number
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("similarity")
class Similarity(Evaluation):
    """CKA and mutual nearest neighbours with the teacher, in excess of the independent baseline's."""

    name = "similarity"
    title = "Similarity of features"
    question = "Do the networks represent images as the teacher does?"
    cites = "Kornblith et al. 2019; Huh et al. 2024; Stanton et al. 2021"
    reading = (
        "CKA is 1 for features that are equal but for rotation, shift and scale. Networks trained on the same data are "
        "similar without any teacher, so what counts is the excess over the independent baseline. CKA follows the few "
        "directions in which features vary most; mutual neighbours follow what is near to what."
    )
    chance = (
        "CKA that chance gives is measured with the teacher's features of other images; debiased CKA is 0 by chance, "
        "mutual neighbours are k / (images − 1)."
    )
    control = "The independent baseline, and two independent baselines with each other where the pool has them."
    caveats = (
        "CKA can be high for networks that decide differently, and low after a harmless change of a few directions "
        "of large variance."
    )
    cost = "One forward pass of 1,000 images by every network."
    version = VERSION
    requires = Requirements(networks=True, teacher=True)
    summary = ("cka", "cka_excess")
    Options = SimilarityOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network sees each image once."""
        return networks * min(self.options.images or images, images)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Compare every other member's features with the teacher's."""
        if pool.teacher is None:
            raise EvaluationError("similarity needs a teacher: add one to the pool")
        options = self.options
        indices = data.test.sample_indices(options.images, options.seed)
        images = data.test.subset(indices)
        comparer = Comparer(images, options, predict)
        others = [member for member in pool if member.role != "teacher"]
        members, rows, notes = comparer.with_teacher(pool.teacher, others)
        pairs, between = comparer.between_baselines(members)
        arrays = stacked(rows) | {
            "image": indices.numpy(),
            "between": np.array(pairs, dtype=np.int64).reshape(-1, 2),
            "cka_between_baselines": of_pooled(between, "cka", len(images)),
            "mutual_knn_between_baselines": of_pooled(between, "mutual_knn", len(images)),
        }
        return Records(members_frame(members), arrays, notes=tuple(notes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """The pooled features, and every stage."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """CKA and mutual neighbours of the pooled features, and both by stage."""
        import altair as alt

        charts = []
        for metric in (self.metric("cka"), self.metric("mutual_knn")):
            rows = frame[frame["metric"] == metric.name]
            if not rows.empty:
                charts.append(dots_and_intervals(rows[rows["level"] != "detail"], metric))
            if rows["strength"].notna().any():
                title = "stage of the network, from the first to the pooled features"
                charts.append(lines_over(rows[rows["strength"].notna()], metric, title))
        return alt.vconcat(*charts).resolve_scale(color="independent")

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's CKA and its excess over the baseline's; then what chance and the control give."""
        cka, excess = self.metric("cka"), self.metric("cka_excess")
        said = findings(student_findings(frame, cka.name, excess.name), cka, excess, PHRASES)
        shuffled = frame[(frame["metric"] == "cka_shuffled") & (frame["level"] == "method")]["value"]
        between = frame[frame["metric"] == "cka_between_baselines"]["value"].dropna()
        if shuffled.notna().any():
            said.append(f"With the teacher's features of other images, CKA is at most {number(shuffled.max(), cka)}.")
        if len(between):
            said.append(f"Two independent baselines have a CKA of {number(between.mean(), cka)} with each other.")
        return said


PHRASES = Phrases(
    one="The pooled features of {student} have a CKA of {value} with the teacher's",
    against="against the independent baseline",
    many="CKA of the pooled features with the teacher's against the independent baseline",
    verdicts=("more like the teacher", "no significant difference", "less like the teacher"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)
