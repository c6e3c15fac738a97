"""Do predicted probabilities match the observed accuracy?

Expected calibration error in ten equal-width bins of the confidence, Σ_b n_b/n·|acc_b − conf_b| (Guo, Pleiss, Sun,
Weinberger, *On Calibration of Modern Neural Networks*, ICML 2017, equation 3; ten bins as in Stanton et al. 2021), and
in ten bins of equally many images, so that no bin is empty; the Brier score Σ_k (p_k − y_k)² (Brier 1950), the negative
log-likelihood, and confidence minus accuracy, which is positive for overconfident networks.

Distillation changes the scale of the logits, so the calibration error alone rewards a temperature. The best temperature
is therefore fitted by likelihood (Guo et al. 2017, section 4.2) on a random half of the test images, and the remaining
error is measured on the other half. Needs predictions for the test images only.

Intervals: bootstrap over test images with fixed bin limits. A calibration error of few images is biased upwards, and
its resamples even more, so its interval is the basic bootstrap interval, which removes this bias. The interval of the
temperature takes one step of Halley's method from the fitted temperature in each resample.

In this folder, in reading order: `measures`, calibration error and Brier score; `temperature`, the fit; `bins`, the
bins of the confidence and their rows; `diagrams`, the reliability diagrams.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.calibration.bins import bin_of, bin_rows, equal_mass_bin_of
from robustkd.evaluations.calibration.diagrams import reliability_diagrams
from robustkd.evaluations.calibration.measures import brier_score, calibration_error
from robustkd.evaluations.calibration.temperature import COLDEST, HOTTEST, derivatives, fitted_temperature
from robustkd.presentation.findings import student_findings
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.predictions import Predictions
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import VOID, tidy
from robustkd.statistics.intervals import unvaried
from robustkd.statistics.resampling import Observed, ratio, resampled
from robustkd.statistics.significance import differ_from_zero

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
    version = 1
    requires = Requirements()
    summary = ("ece",)
    Options = CalibrationOptions
    metrics = (
        Metric("nll", "NLL", "nats", False, "Mean negative log-likelihood of the true class."),
        Metric("brier", "Brier score", "", False, "Mean squared distance of the probabilities from the truth, 0 to 2."),
        Metric(
            "ece",
            "ECE",
            "fraction",
            False,
            "Mean distance of confidence from accuracy, over bins of the confidence of equal width.",
        ),
        Metric(
            "ece_difference",
            "ECE against baseline",
            "points",
            False,
            "ECE minus the independent baseline's, on the same images.",
            difference_of="ece",
        ),
        Metric(
            "ece_equal_mass",
            "ECE, equal mass",
            "fraction",
            False,
            "The same over bins that hold equally many images.",
        ),
        Metric(
            "confidence_gap",
            "Confidence − accuracy",
            "points",
            None,
            "Mean confidence minus accuracy: above 0 overconfident, below 0 underconfident.",
        ),
        Metric(
            "temperature",
            "Fitted temperature",
            "",
            None,
            "What the logits must be divided by to be most likely, on half of the test images; above 1, they were too "
            "large. Absent where it is beyond 0.01 or 100; the metrics after it are those at that end.",
            table="with the fitted temperature",
        ),
        Metric(
            "ece_after",
            "ECE after",
            "fraction",
            False,
            "ECE with the fitted temperature, on the other half of the test images.",
            table="with the fitted temperature",
        ),
        Metric(
            "nll_after",
            "NLL after",
            "nats",
            False,
            "NLL with the fitted temperature, on the other half of the test images.",
            table="with the fitted temperature",
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict every test image with every member."""
        predictions = [predict(member) for member in pool]
        images = len(predictions[0].labels)
        order = np.random.default_rng(self.options.seed).permutation(images)
        fitted = np.isin(np.arange(images), order[: images // 2])
        seen = [_seen(prediction, fitted) for prediction in predictions]
        arrays = {name: np.stack([one[name] for one in seen]) for name in seen[0]}
        return Records(members_frame(pool), arrays | {"fitted": fitted, "bins": np.array(self.options.bins)})

    def summarise(self, records: Records) -> pd.DataFrame:
        """All metrics, and for each method what is in its bins."""
        arrays, members = records.arrays, range(len(records.members))
        fitted, bins = arrays["fitted"], int(arrays["bins"])
        found = resampled([_whole_set(arrays, row, bins) for row in members], len(fitted), BIASED)
        if fitted.any():
            found |= resampled([_fitted_half(arrays, row) for row in members], int(fitted.sum()))
            found |= resampled([_other_half(arrays, row, bins) for row in members], int((~fitted).sum()), BIASED)
        rows = metric_rows(records.members, found, self.metrics)
        return tidy(rows + bin_rows(records.members, arrays["confidence"], arrays["correct"], bins))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """A reliability diagram for each method, a histogram of the confidence under it."""
        return reliability_diagrams(frame)

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's ECE against the baseline's, and who is overconfident."""
        found = student_findings(frame, "ece", "ece_difference")
        sentences = findings(found, self.metric("ece"), self.metric("ece_difference"), PHRASES)
        gaps = frame[(frame["level"] == "method") & (frame["metric"] == "confidence_gap") & (frame["interval"] != VOID)]
        return [*sentences, *(_confidence_sentence(gaps) if len(gaps) else [])]


BIASED = ("ece", "ece_equal_mass", "ece_after")
"""Means of absolute values, which the noise of resampling makes larger."""

PHRASES = Phrases(
    one="The confidence of {student} differs from its accuracy by {value} (ECE)",
    against="against the independent baseline",
    many="ECE against the independent baseline",
    verdicts=("worse calibrated", "no significant difference", "better calibrated"),
    alone="there is no independent baseline to compare it with",
)


def _seen(predictions: Predictions, fitted: np.ndarray) -> dict[str, np.ndarray]:
    """What a network is like on each image: on all, on those that the temperature is fitted on, and on the others."""
    logits, labels = predictions.logits, predictions.labels
    seen = {
        "correct": predictions.correct,
        "confidence": np.exp(predictions.log_probabilities.max(axis=1)),
        "nll": predictions.nll,
        "brier": brier_score(np.exp(predictions.log_probabilities), labels),
    }
    if not fitted.any():
        return seen
    temperature = fitted_temperature(logits[fitted], labels[fitted])
    after = Predictions(logits[~fitted].astype(np.float64) / temperature, labels[~fitted])
    return seen | {
        "temperature": np.array(temperature),
        "derivatives": derivatives(logits[fitted], labels[fitted], temperature),
        "confidence_after": np.exp(after.log_probabilities.max(axis=1)),
        "nll_after": after.nll,
    }


def _whole_set(arrays: Mapping[str, np.ndarray], row: int, bins: int) -> Observed:
    confidence, correct = arrays["confidence"][row], arrays["correct"][row]
    means = np.stack([arrays["nll"][row], arrays["brier"][row], confidence - correct], axis=1).astype(np.float32)
    equal_width, equal_mass = bin_of(confidence, bins), equal_mass_bin_of(confidence, bins)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        nll, brier, gap = ratio(weights @ means, weights.sum(axis=1, keepdims=True)).T
        return {
            "nll": nll,
            "brier": brier,
            "ece": calibration_error(confidence, correct, equal_width, bins, weights),
            "ece_equal_mass": calibration_error(confidence, correct, equal_mass, bins, weights),
            "confidence_gap": gap,
        }

    limit = unvaried(float((confidence - correct).mean()), len(correct), lowest=-1.0)
    answers = dict.fromkeys(("ece", "ece_equal_mass"), confidence)
    return Observed(statistics, answers, {"confidence_gap": limit})


def _fitted_half(arrays: Mapping[str, np.ndarray], row: int) -> Observed:
    """T = 1/β after a step of Halley's method from the fitted β, which stays where it is if every image counts once."""
    temperature, slopes = float(arrays["temperature"][row]), arrays["derivatives"][row]
    inside = COLDEST * 1.001 < temperature < HOTTEST * 0.999

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        slope, curvature, third = (weights @ slopes).T
        step = ratio(2 * slope * curvature, 2 * curvature**2 - slope * third)
        stepped = 1 / temperature - step
        possible = inside & (stepped > 1 / HOTTEST)
        return {"temperature": ratio(possible, np.where(possible, stepped, 0))}

    return Observed(statistics)


def _other_half(arrays: Mapping[str, np.ndarray], row: int, bins: int) -> Observed:
    confidence, correct = arrays["confidence_after"][row], arrays["correct"][row][~arrays["fitted"]]
    nll, assigned = arrays["nll_after"][row].astype(np.float32), bin_of(confidence, bins)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        return {
            "ece_after": calibration_error(confidence, correct, assigned, bins, weights),
            "nll_after": ratio(weights @ nll, weights.sum(axis=1)),
        }

    return Observed(statistics, {"ece_after": confidence})


def _confidence_sentence(gaps: pd.DataFrame) -> list[str]:
    """Return which networks are over- or underconfident, by the interval of the signed gap (Holm over networks)."""
    said = []
    differ = differ_from_zero(gaps["value"].tolist(), gaps["ci_low"].tolist(), gaps["ci_high"].tolist())
    for word, chosen in (("overconfident", gaps["ci_low"] > 0), ("underconfident", gaps["ci_high"] < 0)):
        chosen = chosen & differ
        if chosen.all():
            return [f"All networks are {word}."] if len(gaps) > 1 else [f"It is {word}."]
        if chosen.any():
            said.append(f"{word}: {', '.join(gaps[chosen]['member'])}")
    text = "; ".join(said) if said else "no network is significantly over- or underconfident"
    return [f"{text[0].upper()}{text[1:]}."]
