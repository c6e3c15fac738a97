"""Do they stand noise, blur, weather and compression?

Hendrycks, Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations* (ICLR 2019): the
test images, corrupted in ways a network was not trained for, at five severities. With E the error, c a corruption, s a
severity, and b the independent baseline (the benchmark's AlexNet says nothing of small images),

    mCE = mean_c Σ_s E(c,s) / Σ_s E_b(c,s),
    relative mCE = mean_c Σ_s (E(c,s) − E(clean)) / Σ_s (E_b(c,s) − E_b(clean)).

A corruption whose denominator is not positive is left out of the mean; where one is of fewer than five errors, a check
says so. Agreement with the teacher is that of their
predictions for the same corrupted image.

The images are those of CIFAR-10-C or -100-C where a folder of these arrays is given; otherwise they are made on the
fly with the same constants, and are named as generated: their numbers are not those of the released files. Needs the
networks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.errors import EvaluationError, nearest
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.corruption.rows import GENERATED, MEAN, all_rows, reference_checks
from robustkd.presentation.findings import student_findings
from robustkd.presentation.lines import lines_over, small_multiples
from robustkd.presentation.numbers import join
from robustkd.presentation.sentences import Phrases, findings
from robustkd.progress import progress
from robustkd.results.metric import Metric
from robustkd.results.records import Check, Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt
    from torch import Tensor

    from robustkd.data import Dataset
    from robustkd.models import Member, ModelPool

STANDARD_COUNT = 15
"""Corruptions of the benchmark."""

Severity = Annotated[int, Field(ge=1, le=5)]
Corrupted = Callable[[str, int], "Tensor"]
"""From the name of a corruption and a severity to the images, uint8 (N, C, H, W)."""


@dataclass(frozen=True)
class CorruptionOptions:
    """Which corruptions, and where they come from.

    Attributes:
        path: A folder of ``<corruption>.npy``, uint8 (5·N, H, W, C) with the severities one after the other, and
            ``labels.npy``, as CIFAR-10-C is released; None to make them.
        corruptions: By name; empty for the benchmark's fifteen, as far as they can be made of these images or are in
            `path`. What else is there, such as the four extra ones of the release, must be named.
        severities: From 1 to 5.
        images: How many test images, drawn with `seed`; None for all.
        batch_size: Images looked at at once.
        seed: Of the corruptions and the choice of images.

    Raises:
        EvaluationError: A corruption cannot be made.
    """

    path: str | None = None
    corruptions: tuple[str, ...] = ()
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    images: Annotated[int, Field(ge=1)] | None = 1000
    batch_size: Annotated[int, Field(ge=1)] = 500
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.path is not None or not self.corruptions:
            return
        from robustkd.data.corruptions import CORRUPTIONS, NOT_MADE

        for name in self.corruptions:
            if name in NOT_MADE:
                raise EvaluationError(f"corruption: {name} is not made: {NOT_MADE[name]}; give `path` to the arrays")
            if name not in CORRUPTIONS:
                raise EvaluationError(f"corruption: unknown corruption {name!r}: {nearest(name, CORRUPTIONS)}")


@EVALUATIONS.register("corruption")
class Corruption(Evaluation):
    """Accuracy and agreement under common corruptions."""

    name = "corruption"
    title = "Common corruptions"
    question = "Do they stand noise, blur, weather and compression?"
    version = 3
    requires = Requirements(networks=True)
    reads_folders = ("path",)
    summary = ("corruption_accuracy", "corruption_accuracy_gain")
    Options = CorruptionOptions
    metrics = (
        Metric(
            "corruption_accuracy",
            "Accuracy, corrupted",
            "fraction",
            True,
            "Share of corrupted test images classified as labelled, mean over corruptions and severities.",
        ),
        Metric(
            "corruption_accuracy_gain",
            "Corrupted, against baseline",
            "points",
            True,
            "That accuracy minus the independent baseline's, on the same images.",
            difference_of="corruption_accuracy",
        ),
        Metric(
            "mce",
            "mCE",
            "fraction",
            False,
            "Mean corruption error: the error under each corruption relative to the independent baseline's; 100% is as "
            "many errors as the baseline makes.",
            against_baseline=True,
        ),
        Metric(
            "relative_mce",
            "Relative mCE",
            "fraction",
            False,
            "The same of the errors that corruption adds to those on clean images.",
            against_baseline=True,
        ),
        Metric(
            "corruption_agreement",
            "Agreement, corrupted",
            "fraction",
            True,
            "Share of corrupted test images on which member and teacher predict one class.",
            of_teacher=True,
        ),
        Metric(
            "corruption_agreement_excess",
            "Agreement, corrupted, in excess",
            "points",
            True,
            "That agreement minus the independent baseline's with the same teacher.",
            difference_of="corruption_agreement",
            of_teacher=True,
        ),
    )

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network looks at every corruption at every severity."""
        from robustkd.data.corruptions import STANDARD

        kinds = len(self.options.corruptions) or (STANDARD_COUNT if self.options.path else len(STANDARD))
        looked_at = min(self.options.images or images, images)
        return networks * looked_at * kinds * len(self.options.severities)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the same corrupted images."""
        members, options = list(pool), self.options
        indices = data.test.sample_indices(options.images, options.seed)
        places = indices.numpy()
        names, corrupted, about = (
            _released(options, data, places) if options.path else _generated(options, data, places)
        )
        severities = tuple(sorted(set(options.severities)))
        seen = np.empty((len(members), len(names), len(severities), len(places)), dtype=np.int16)
        before = [_in_evaluation_mode(member) for member in members]
        with progress("corruptions", len(names) * len(severities)) as advance:
            for place, name in enumerate(names):
                for level, severity in enumerate(severities):
                    seen[:, place, level] = _classes(members, corrupted(name, severity), options.batch_size)
                    advance(1)
        modes = [_mode(member, was) for member, was in zip(members, before, strict=True)]
        arrays = {
            "image": places,
            "label": data.test.labels.cpu().numpy()[places],
            "corruptions": np.array(names if options.path else [name + GENERATED for name in names]),
            "severities": np.array(severities),
            "clean": np.stack([predict(member).predicted[places] for member in members]).astype(np.int16),
            "corrupted": seen,
        }
        records = Records(members_frame(members), arrays, notes=(about,))
        return replace(records, checks=(*modes, *reference_checks(records)))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Means over corruptions, corruption errors, and accuracy by corruption and severity."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Accuracy over severity, clean at 0: the mean, and each corruption."""
        import altair as alt

        metric = self.metric("corruption_accuracy")
        rows = frame[(frame["metric"] == metric.name) & frame["strength"].notna()]
        mean = lines_over(rows[rows["part"] == MEAN], metric, "severity (0: clean images), mean over corruptions")
        return alt.vconcat(mean, small_multiples(rows[rows["part"] != MEAN], metric, "severity"))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's accuracy on corrupted images, its gain over the baseline, and what was looked at."""
        found = student_findings(frame, "corruption_accuracy", "corruption_accuracy_gain")
        metrics = self.metric("corruption_accuracy"), self.metric("corruption_accuracy_gain")
        return findings(found, *metrics, PHRASES) + _about(frame, self.options.path)


PHRASES = Phrases(
    one="{student} classifies {value} of the corrupted images correctly",
    against="against the independent baseline",
    many="Accuracy on corrupted images against the independent baseline",
    verdicts=("stands corruption better", "no significant difference", "stands corruption worse"),
    alone="there is no independent baseline to hold it against, nor to relate corruption errors to",
)


def _about(frame: pd.DataFrame, path: str | None) -> list[str]:
    """Name what was looked at, for generated corruptions and released ones do not give the same numbers."""
    parts = [str(part) for part in dict.fromkeys(frame["part"].dropna()) if part != MEAN]
    made = [part.removesuffix(GENERATED) for part in parts if part.endswith(GENERATED)]
    if not made:
        shown = [part for part in parts if not part.startswith("relative to")]
        where = f" in {Path(path).name}" if path else ""
        return [f"The corrupted images are those of the arrays given{where}: {join(shown)}."]
    return [
        f"The corruptions were generated, with the constants of CIFAR-10-C; its released files differ: {join(made)}."
    ]


def _generated(options: CorruptionOptions, data: Dataset, places: np.ndarray) -> tuple[tuple[str, ...], Corrupted, str]:
    """Corruptions made on the fly, and which of them cannot be made of these images."""
    from robustkd.data.corruptions import NOT_MADE, STANDARD, corrupt, impossible

    images = data.test
    wanted = options.corruptions or STANDARD
    reasons = {name: impossible(name, images.shape) for name in wanted}
    names = tuple(name for name, reason in reasons.items() if not reason)
    if not names:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise EvaluationError(f"none of the corruptions can be made of these images: {told}")
    left_out = {name: reason for name, reason in reasons.items() if reason}
    left_out |= {} if options.corruptions else NOT_MADE
    detail = f"Generated with the constants of CIFAR-10-C, seed {options.seed}; not the released files"
    if left_out:
        detail += "; left out: " + "; ".join(f"{name} ({reason})" for name, reason in left_out.items())
    clean = images.subset(images.sample_indices(options.images, options.seed))

    def corrupted(name: str, severity: int) -> Tensor:
        import torch

        chunks = [
            corrupt(clean.read(chunk), name, severity, options.seed, places[chunk.numpy()].tolist())
            for chunk in torch.arange(len(clean)).split(options.batch_size)
        ]
        return torch.cat(chunks)

    return names, corrupted, detail


def _released(options: CorruptionOptions, data: Dataset, places: np.ndarray) -> tuple[tuple[str, ...], Corrupted, str]:
    """Corruptions read from arrays, which must show the very test images."""
    from robustkd.data.corruptions import EXTRA, STANDARD
    from robustkd.data.corruptions.arrays import CorruptionArrays

    arrays = CorruptionArrays(str(options.path), data.test)
    standard = (*STANDARD, "frost", "snow")
    names = options.corruptions or tuple(name for name in arrays.names if name not in EXTRA) or arrays.names
    for name in names:
        arrays.require(name)
    detail = f"Read from {arrays.folder.name}: {', '.join(names)}"
    missing = [] if options.corruptions else [name for name in standard if name not in names]
    left_out = [] if options.corruptions else [name for name in arrays.names if name not in names]
    detail += f"; of the benchmark's fifteen not there: {', '.join(missing)}" if missing else ""
    detail += f"; there, but none of the fifteen: {', '.join(left_out)}" if left_out else ""
    return (
        tuple(names),
        lambda name, severity: arrays.read(name, severity, places),
        detail,
    )


def _in_evaluation_mode(member: Member) -> bool:
    return not any(part.training for part in member.model.modules())


def _mode(member: Member, before: bool) -> Check:
    held = before and _in_evaluation_mode(member)
    detail = "before and after all corruptions" if held else "violated: the numbers are void"
    return Check("networks in evaluation mode", held, detail, member.name)


def _classes(members: list[Member], images: Tensor, batch_size: int) -> np.ndarray:
    """The classes that each member predicts, int64 (M, N)."""
    import torch

    from robustkd.data.image_set import to_pixels

    seen = []
    with torch.inference_mode():
        for batch in images.split(batch_size):
            pixels = to_pixels(batch.to(members[0].model.mean.device))
            seen.append(torch.stack([member.model(pixels).argmax(1) for member in members]))
    return torch.cat(seen, dim=1).cpu().numpy()
