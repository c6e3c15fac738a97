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

The files, in reading order: `measure` below; `stages`, what is compared; `measurement`, the comparison of two networks;
`cka`, `neighbours`, `gnosis`, the pure functions; `rows`, from records to tidy results; `metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.errors import EvaluationError, ModelError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.similarity.measurement import Arrays, compared
from robustkd.evaluations.similarity.metrics import METRICS
from robustkd.evaluations.similarity.rows import all_rows
from robustkd.evaluations.similarity.stages import Stage, stages_of
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.findings import student_findings
from robustkd.presentation.lines import lines_over
from robustkd.presentation.numbers import number
from robustkd.presentation.sentences import Phrases, findings
from robustkd.progress import progress
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import Member, ModelPool


@dataclass(frozen=True)
class SimilarityOptions:
    """Which images are compared.

    Attributes:
        images: The number of test images, drawn with `seed`; None for all.
        neighbours: The number of nearest neighbours of an image.
        batch_size: The largest number of images per batch; images of many pixels come in smaller ones.
        seed: The seed of the choice of images, and of the images whose features are exchanged to measure chance.
    """

    images: Annotated[int, Field(ge=4)] | None = 1000
    neighbours: Annotated[int, Field(ge=1)] = 10
    batch_size: Annotated[int, Field(ge=1)] = 250
    seed: Annotated[int, Field(ge=0)] = 0


@EVALUATIONS.register("similarity")
class Similarity(Evaluation):
    """CKA and mutual nearest neighbours with the teacher, in excess of the independent baseline's."""

    name = "similarity"
    title = "Similarity of features"
    question = "Do the networks represent images as the teacher does?"
    reading = (
        "CKA is 1 for features that are equal but for rotation, shift and scale. Networks trained on the same data are "
        "similar without any teacher, so what counts is the excess over the independent baseline. CKA follows the few "
        "directions in which features vary most; mutual neighbours follow what is near to what."
    )
    chance = (
        "CKA with the teacher's features of other images is measured as `cka_shuffled`; debiased CKA is 0 by chance, "
        "mutual neighbours are k / (images − 1)."
    )
    control = "The independent baseline, and two independent baselines with each other where the pool has them."
    cost = "One forward pass of 1,000 images by every network."
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
        options, teacher = self.options, pool.teacher
        indices = data.test.sample_indices(options.images, options.seed)
        images = data.test.subset(indices)
        neighbours = options.neighbours if options.neighbours < len(images) else 0
        notes = [] if neighbours else [f"Mutual neighbours need more than {options.neighbours} images"]
        shuffled = np.random.default_rng(options.seed).permutation(len(images))

        def seen_by(member: Member) -> list[Stage]:
            return stages_of(member.model, images, options.batch_size, neighbours)

        def compare(reference: Member, member: Member, stages: Callable[[], list[Stage]]) -> Arrays:
            settings = asdict(options) | {"version": self.version}
            return predict.kept(
                self.name, [reference, member], settings, lambda: compared(stages(), seen_by(member), shuffled)
            )

        others = [member for member in pool if member.role != "teacher"]
        reference = cache(lambda: seen_by(teacher))
        members, rows = [], []
        with progress("compare features", len(others)) as advance:
            for member in others:
                try:
                    rows.append(compare(teacher, member, reference))
                    members.append(member)
                except ModelError as error:
                    notes.append(f"{member.name} is not compared: {error}")
                advance(1)
        if not members:
            raise EvaluationError(
                f"similarity compares no network: {'; '.join(notes) or 'add one besides the teacher'}"
            )
        del reference
        baselines = [place for place, member in enumerate(members) if member.role == "baseline"]
        pairs = [(baselines[0], other) for other in baselines[1:]]
        first = cache(lambda: seen_by(members[baselines[0]]))
        between = [compare(members[one], members[other], first) for one, other in pairs]
        notes += [
            f"{member.name} has no blocks to compare" for member, row in zip(members, rows) if len(row["stage"]) == 1
        ]
        arrays = _stacked(rows) | {
            "image": indices.numpy(),
            "between": np.array(pairs, dtype=np.int64).reshape(-1, 2),
            "cka_between_baselines": _last(between, "cka", len(images)),
            "mutual_knn_between_baselines": _last(between, "mutual_knn", len(images)),
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
        between = frame[frame["metric"] == "cka_between_baselines"]["value"]
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


def _stacked(rows: Sequence[Arrays]) -> Arrays:
    """Stack the arrays of the members, with empty names and NaN where one has fewer stages than another."""
    most = max(len(row["stage"]) for row in rows)
    stacked = {}
    for name, first in rows[0].items():
        padding = "" if first.dtype.kind == "U" else np.nan
        shape = [(0, 0)] * (first.ndim - 1)
        stacked[name] = np.stack(
            [np.pad(row[name], [(0, most - len(row[name])), *shape], constant_values=padding) for row in rows]
        )
    return stacked


def _last(rows: Sequence[Arrays], name: str, images: int) -> np.ndarray:
    """The values of the pooled features, float64 (P, N)."""
    return np.stack([row[name][-1] for row in rows]) if rows else np.empty((0, images))
