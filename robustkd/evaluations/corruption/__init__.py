"""Are the networks robust to noise, blur, weather and compression?

Hendrycks, Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations* (ICLR 2019): the
test images are corrupted in ways that no network was trained for, at five severities. With the error E, corruption c,
severity s, and the independent baseline b (in place of the benchmark's AlexNet, which says nothing of small images),

    mCE = mean_c Σ_s E(c,s) / Σ_s E_b(c,s),
    relative mCE = mean_c Σ_s (E(c,s) − E(clean)) / Σ_s (E_b(c,s) − E_b(clean)).

A corruption whose denominator is not positive is left out of the mean; a check fails where one has fewer than five
errors. Agreement with the teacher compares the predictions for the same corrupted image.

The images are those of CIFAR-10-C or CIFAR-100-C where a folder of these arrays is given. Otherwise they are generated
with the same constants, and the results call them generated: their numbers are not those of the released files. The
evaluation needs the networks.

The files, in reading order: `options`; `images`, where the corrupted images come from; `measure` below, which shows
them to every network; `rows`, from records to tidy results, with `corruption_error` for the mCE and its check;
`metrics`, what each number means; `sentences`, the headline.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.corruption.corruption_error import reference_checks
from robustkd.evaluations.corruption.images import corrupted_images
from robustkd.evaluations.corruption.metrics import METRICS
from robustkd.evaluations.corruption.options import CorruptionOptions
from robustkd.evaluations.corruption.rows import MEAN, all_rows
from robustkd.evaluations.corruption.sentences import sentences
from robustkd.presentation.lines import lines_over, small_multiples
from robustkd.progress import progress
from robustkd.results.records import Check, Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt
    from torch import Tensor

    from robustkd.data import Dataset
    from robustkd.models import Member, ModelPool

STANDARD_COUNT = 15
"""The number of corruptions of the benchmark."""


@EVALUATIONS.register("corruption")
class Corruption(Evaluation):
    """Accuracy and agreement with the teacher under common corruptions."""

    name = "corruption"
    title = "Common corruptions"
    question = "Are the networks robust to noise, blur, weather and compression?"
    cites = "Hendrycks and Dietterich 2019"
    reading = (
        "mCE is the mean error under corruption relative to the independent baseline's: 100 % is as many errors as the "
        "baseline makes. Relative mCE compares what corruption adds to the errors on clean images."
    )
    chance = "Guessing among K equally frequent classes has an accuracy of 1/K under any corruption."
    control = "The independent baseline, on the same corrupted images, takes the place of the benchmark's AlexNet."
    cost = "One forward pass of 1,000 images by every network for each corruption and severity, 65 in all."
    version = 5
    requires = Requirements(networks=True)
    reads_folders = ("path",)
    summary = ("corruption_accuracy", "corruption_accuracy_gain")
    Options = CorruptionOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every image under every corruption at every severity."""
        from robustkd.data.corruptions import STANDARD

        kinds = len(self.options.corruptions) or (STANDARD_COUNT if self.options.path else len(STANDARD))
        used = min(self.options.images or images, images)
        return networks * used * kinds * len(self.options.severities)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the same corrupted images."""
        from robustkd.models.batch_size import images_at_once
        from robustkd.models.modes import in_evaluation_mode

        members, options = list(pool), self.options
        places = data.test.sample_indices(options.images, options.seed).numpy()
        corrupted = corrupted_images(options, data, places)
        severities = tuple(sorted(set(options.severities)))
        seen = np.empty((len(members), len(corrupted.names), len(severities), len(places)), dtype=np.int16)
        before = [in_evaluation_mode([member.model]) for member in members]
        batch_size = images_at_once(options.batch_size, data.test.shape, members[0].model.mean.device)
        kinds = list(product(enumerate(corrupted.names), enumerate(severities)))
        with progress("corruptions", len(places) * len(kinds)) as advance:
            start = 0
            for read in corrupted.batches(batch_size):
                for (place, name), (level, severity) in kinds:
                    predicted = _classes(members, read(name, severity))
                    stop = start + predicted.shape[1]
                    seen[:, place, level, start:stop] = predicted
                    advance(stop - start)
                start = stop
        after = [in_evaluation_mode([member.model]) for member in members]
        modes = [_mode_check(member, *modes) for member, *modes in zip(members, before, after, strict=True)]
        arrays = {
            "image": places,
            "label": data.test.labels.cpu().numpy()[places],
            "corruptions": np.array(corrupted.labels),
            "severities": np.array(severities),
            "clean": np.stack([predict(member).predicted[places] for member in members]).astype(np.int16),
            "corrupted": seen,
        }
        records = Records(members_frame(members), arrays, notes=(corrupted.note,))
        return replace(records, checks=(*modes, *reference_checks(records)))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Means over corruptions, corruption errors, and accuracy by corruption and severity."""
        return tidy(all_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Accuracy over severity, with the clean images at 0: the mean, and each corruption."""
        import altair as alt

        metric = self.metric("corruption_accuracy")
        rows = frame[(frame["metric"] == metric.name) & frame["strength"].notna()]
        mean = lines_over(rows[rows["part"] == MEAN], metric, "severity (0: clean images), mean over corruptions")
        return alt.vconcat(mean, small_multiples(rows[rows["part"] != MEAN], metric, "severity"))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's accuracy on corrupted images, its gain over the baseline, and which images were used."""
        metrics = self.metric("corruption_accuracy"), self.metric("corruption_accuracy_gain")
        return sentences(frame, *metrics, self.options.path)


def _classes(members: list[Member], images: Tensor) -> np.ndarray:
    """The classes that each member predicts, int64 (M, B)."""
    import torch

    from robustkd.data.image_set import to_pixels

    with torch.inference_mode():
        pixels = to_pixels(images.to(members[0].model.mean.device))
        return torch.stack([member.model(pixels).argmax(1) for member in members]).cpu().numpy()


def _mode_check(member: Member, before: bool, after: bool) -> Check:
    detail = f"{member.name} was in evaluation mode before and after all corruptions"
    if not (before and after):
        when = "before" if not before else "after"
        detail = f"{member.name} was in training mode {when} the corruptions, so its numbers are void"
    return Check("networks in evaluation mode", before and after, detail, member.name)
