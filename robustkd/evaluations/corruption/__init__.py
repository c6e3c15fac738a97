"""Are the networks robust to noise, blur, weather and compression?

Hendrycks, Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations* (ICLR 2019): the
test images are corrupted in ways that no network was trained for, at five severities. With the error E, corruption c,
severity s, and the independent baseline b (in place of the benchmark's AlexNet, which says nothing of small images),

    mCE = mean_c Σ_s E(c,s) / Σ_s E_b(c,s),
    relative mCE = mean_c Σ_s (E(c,s) − E(clean)) / Σ_s (E_b(c,s) − E_b(clean)).

A corruption whose denominator is not positive is left out of the mean; a check fails where one has fewer than five
errors. Agreement with the teacher compares the predictions for the same corrupted image.

The mean flip rate takes the five severities, with the clean image before them, as frames of growing strength: the
share of consecutive frames whose predictions differ, relative to the baseline's (section 4, "mFR", of the same paper
for the sequences of ImageNet-P, which are others). Generated images of one corruption share their random numbers.

The images are those of CIFAR-10-C or CIFAR-100-C where a folder of these arrays is given. Otherwise they are generated
with the constants of CIFAR-10-C or ImageNet-C, and the results call them generated: their numbers are not those of the
released files. What each network answered is kept on disk, network by network. Beside one batch, the memory is that of
`REMEMBERED` bytes of corrupted images, which all networks see, and of the sample.

The files, in reading order: `options`; `images`, where the corrupted images come from; `measure` below, which shows
them to every network; `rows`, from records to tidy results, with `corruption_error` for the mCE and its check;
`metrics`, what each number means; `sentences`, the headline.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.corruption.corruption_error import reference_checks
from robustkd.evaluations.corruption.images import GENERATED, CorruptedImages, corrupted_images, shown_severities
from robustkd.evaluations.corruption.metrics import METRICS
from robustkd.evaluations.corruption.options import CorruptionOptions
from robustkd.evaluations.corruption.rows import MEAN, all_rows
from robustkd.evaluations.corruption.sentences import sentences
from robustkd.presentation.lines import lines_over, small_multiples
from robustkd.presentation.pictures import Picture
from robustkd.presentation.rows_of_images import rows_of_images
from robustkd.progress import progress
from robustkd.results.records import Check, Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import Member, ModelPool

STANDARD_COUNT = 15
"""The number of corruptions of the benchmark."""

VERSION = 6


@EVALUATIONS.register("corruption")
class Corruption(Evaluation):
    """Accuracy and agreement with the teacher under common corruptions."""

    name = "corruption"
    title = "Common corruptions"
    question = "Are the networks robust to noise, blur, weather and compression?"
    cites = "Hendrycks and Dietterich 2019"
    reading = (
        "mCE is the mean error under corruption relative to the independent baseline's: 100% is as many errors as the "
        "baseline makes. Relative mCE compares what corruption adds to the errors on clean images. A flip is a "
        "prediction that changes from one severity to the next: an unstable network flips often even where it is right "
        "on average."
    )
    chance = (
        "Guessing among K equally frequent classes has an accuracy of 1/K under any corruption, and flips at 1 − 1/K."
    )
    control = "The independent baseline, on the same corrupted images, takes the place of the benchmark's AlexNet."
    caveats = (
        "The corruptions are those of the benchmark, computed at the size of these images; a network trained with "
        "augmentations that resemble one of them has an advantage that is no robustness in general."
    )
    cost = "One forward pass of 500 images by every network for each corruption and severity, 75 in all."
    version = VERSION
    requires = Requirements(networks=True)
    reads_folders = ("path", "frost_images")
    summary = ("corruption_accuracy", "corruption_accuracy_gain")
    Options = CorruptionOptions
    metrics = METRICS

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Every network classifies every image under every corruption at every severity."""
        kinds = len(self.options.corruptions) or STANDARD_COUNT
        used = min(self.options.images or images, images)
        return networks * used * kinds * len(self.options.severities)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Show every member the same corrupted images."""
        members, options = list(pool), self.options
        places = data.test.sample_indices(options.images, options.seed).numpy()
        corrupted = corrupted_images(options, data, places)
        severities = tuple(sorted(set(options.severities)))
        settings = asdict(options) | {"version": VERSION, "files": corrupted.files, "names": corrupted.names}
        found = [
            predict.kept("corruption", [member], settings, partial(_answers, member, corrupted, severities))
            for member in members
        ]
        arrays = {
            "image": places,
            "label": data.test.labels.cpu().numpy()[places],
            "corruptions": np.array(corrupted.labels),
            "severities": np.array(severities),
            "clean": np.stack([predict(member).predicted[places] for member in members]).astype(np.int16),
            "corrupted": np.stack([each["classes"] for each in found]),
            "shown": corrupted.shown(severities),
        }
        records = Records(members_frame(members), arrays, notes=(corrupted.note,))
        modes = [_mode_check(member, each["evaluation_mode"]) for member, each in zip(members, found, strict=True)]
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

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """The first image at the lowest, the middle and the highest severity of each corruption."""
        names = [str(name).removesuffix(GENERATED) for name in records.arrays["corruptions"]]
        shown = shown_severities(records.arrays["severities"].tolist())
        caption = (
            f"The first image that was used, under each corruption; from left to right at severity "
            f"{', '.join(map(str, shown))}."
        )
        return (rows_of_images("corruptions", "Corruptions", caption, names, list(records.arrays["shown"])),)


def _answers(member: Member, corrupted: CorruptedImages, severities: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The classes that a network predicts by corruption, severity and image, and whether it was in evaluation mode."""
    import torch

    from robustkd.data.image_set import to_pixels
    from robustkd.models.modes import in_evaluation_mode

    model, device = member.model, member.model.mean.device
    before = in_evaluation_mode([model])
    classes = np.empty((len(corrupted.names), len(severities), corrupted.count), dtype=np.int16)
    kinds = list(product(enumerate(corrupted.names), enumerate(severities)))
    with progress(f"corruptions, {member.name}", classes.size) as advance, torch.no_grad():
        for start, read in corrupted.batches(device):
            for (place, name), (level, severity) in kinds:
                predicted = model(to_pixels(read(name, severity).to(device))).argmax(1).cpu().numpy()
                classes[place, level, start : start + len(predicted)] = predicted
                advance(len(predicted))
    return {"classes": classes, "evaluation_mode": np.array([before, in_evaluation_mode([model])])}


def _mode_check(member: Member, modes: np.ndarray) -> Check:
    before, after = (bool(mode) for mode in modes)
    detail = f"{member.name} was in evaluation mode before and after all corruptions"
    if not (before and after):
        when = "before" if not before else "after"
        detail = f"{member.name} was in training mode {when} the corruptions, so its numbers are void"
    return Check("networks in evaluation mode", before and after, detail, member.name)
