"""Do predicted probabilities match the observed accuracy?

Expected calibration error in ten equal-width bins of the confidence, Σ_b n_b/n·|acc_b − conf_b| (Guo, Pleiss, Sun,
Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017, equation 3; ten bins as in Stanton et al. 2021), and
in ten bins of equally many images, so that no bin is empty; the Brier score Σ_k (p_k − y_k)² (Brier 1950), the negative
log-likelihood, and confidence minus accuracy, which is positive for overconfident networks.

Distillation changes the scale of the logits, so the calibration error alone rewards a temperature. The best temperature
is therefore fitted by likelihood (Guo et al. 2017, section 4.2) on a random half of the test images, and the remaining
error is measured on the other half. The evaluation needs predictions for the test images only.

Intervals: bootstrap over test images with fixed bin limits. A calibration error of few images is biased upwards, and
its resamples even more, so its interval is the basic bootstrap interval, which removes this bias. The interval of the
temperature takes one step of Halley's method from the fitted temperature in each resample.

The files, in reading order: `measures`, the Brier score; `temperature`, the fit; `observed`, the
results of one network for each image; `bins`, the bins of the confidence and their rows; `metrics`, what each number
means; `notes`, what few images do to them; `diagrams`, the reliability diagrams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.calibration.bins import bin_rows
from robustkd.evaluations.calibration.metrics import METRICS
from robustkd.evaluations.calibration.notes import notes_on
from robustkd.evaluations.calibration.observed import fitted_half, other_half, seen, whole_set
from robustkd.presentation.findings import student_findings
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.groups import groups_of
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import VOID, tidy
from robustkd.statistics.resampling import Resampled, resampled
from robustkd.statistics.significance import significant_signs

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@dataclass(frozen=True)
class CalibrationOptions:
    """How calibration is measured.

    Attributes:
        bins: The number of bins of the confidence.
        seed: The seed of the draw of the half of the test images that the temperature is fitted on.
    """

    bins: Annotated[int, Field(ge=1)] = 10
    seed: int = 0


@EVALUATIONS.register("calibration")
class Calibration(Evaluation):
    """How far confidence is from accuracy."""

    name = "calibration"
    title = "Calibration"
    question = "Do predicted probabilities match the observed accuracy?"
    cites = "Guo et al. 2017; Stanton et al. 2021"
    reading = (
        "A calibrated network is right on 80 % of the images for which its confidence is 80 %. ECE is the mean "
        "distance from that; the fitted temperature is above 1 for an overconfident network."
    )
    chance = "A calibrated network has an ECE slightly above 0 on a finite number of images."
    control = "The independent baseline: the same architecture, trained on the labels alone."
    caveats = (
        "ECE depends on the number of bins and of images, and is above 0 even for a calibrated network; a difference "
        "of one point between two networks says little on a thousand images."
    )
    cost = "Seconds, from the shared predictions."
    version = 3
    requires = Requirements()
    summary = ("ece",)
    Options = CalibrationOptions
    metrics = METRICS

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict every test image with every member."""
        predictions = [predict(member) for member in pool]
        images = len(predictions[0].labels)
        order = np.random.default_rng(self.options.seed).permutation(images)
        fitted = np.isin(np.arange(images), order[: images // 2])
        networks = [seen(prediction, fitted) for prediction in predictions]
        arrays = {name: np.stack([one[name] for one in networks]) for name in networks[0]}
        notes = notes_on([member.name for member in pool], networks, fitted, self.options.bins)
        known = {"fitted": fitted, "bins": np.array(self.options.bins)}
        return Records(members_frame(pool), arrays | known, notes=tuple(notes))

    def summarise(self, records: Records) -> pd.DataFrame:
        """All metrics, and the accuracy and confidence in the bins of each method."""
        arrays, members = records.arrays, range(len(records.members))
        fitted, bins = arrays["fitted"], int(arrays["bins"])
        found = resampled([whole_set(arrays, row, bins) for row in members], len(fitted), BIASED)
        if fitted.any():
            found |= resampled([fitted_half(arrays, row) for row in members], int(fitted.sum()))
            found |= resampled([other_half(arrays, row, bins) for row in members], int((~fitted).sum()), BIASED)
        rows = metric_rows(records.members, found, self.metrics)
        gaps = _gap_tests(records.members, found["confidence_gap"])
        rows = [
            row | {"p_value": gaps[row["member"]]}
            if (row["level"], row["metric"]) == ("method", "confidence_gap")
            else row
            for row in rows
        ]
        return tidy(rows + bin_rows(records.members, arrays["confidence"], arrays["correct"], bins))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """A reliability diagram for each method, above a histogram of its confidence."""
        from robustkd.evaluations.calibration.diagrams import reliability_diagrams

        return reliability_diagrams(frame)

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's ECE against the baseline's, and which networks are over- or underconfident."""
        found = student_findings(frame, "ece", "ece_difference")
        sentences = findings(found, self.metric("ece"), self.metric("ece_difference"), PHRASES)
        gaps = frame[(frame["level"] == "method") & (frame["metric"] == "confidence_gap") & (frame["interval"] != VOID)]
        return [*sentences, *(_confidence_sentence(gaps) if len(gaps) else [])]


BIASED = ("ece", "ece_equal_mass", "ece_after")
"""Means of absolute values are biased: the noise of resampling makes them larger."""

PHRASES = Phrases(
    one="The confidence of {student} differs from its accuracy by {value} (ECE)",
    against="against the independent baseline",
    many="ECE against the independent baseline",
    verdicts=("worse calibrated", "no significant difference", "better calibrated"),
    alone="there is no independent baseline to compare it with",
)


def _gap_tests(members: pd.DataFrame, gap: Resampled) -> dict[str, float]:
    """The p-value of each method's confidence being its accuracy."""
    tests = {group.method: gap.of_value(group.rows) for group in groups_of(members)}
    return {method: np.nan if test is None else test.p_value for method, test in tests.items()}


def _confidence_sentence(gaps: pd.DataFrame) -> list[str]:
    """Return which networks are over- or underconfident, by the interval of the signed gap (Holm over networks)."""
    said = []
    signs = significant_signs(gaps["value"].tolist(), gaps["p_value"].tolist())
    for word, chosen in (("overconfident", signs > 0), ("underconfident", signs < 0)):
        if chosen.all():
            return [f"All networks are {word}."] if len(gaps) > 1 else [f"It is {word}."]
        if chosen.any():
            said.append(f"{word}: {', '.join(gaps[chosen]['member'])}")
    text = "; ".join(said) if said else "no network is significantly over- or underconfident"
    return [f"{text[0].upper()}{text[1:]}."]
