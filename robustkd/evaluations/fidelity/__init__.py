"""How closely does each network follow the teacher's predictions?

Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021), section 3: top-1 agreement, mean 1[argmax
p_t = argmax p_s], and predictive KL, mean KL(p_t ‖ p_s) at temperature 1. Two accurate networks agree whether or not
one taught the other, so both are also reported **in excess of the independent baseline**. Error consistency κ (Geirhos,
Meding, Wichmann, *Beyond accuracy*, NeurIPS 2020, equations 1 and 3) corrects the agreement for the part that the
accuracies alone imply.

The evaluation needs a teacher and predictions for the test images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import join
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.predictions import Predictions
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy
from robustkd.statistics.intervals import ROUNDING, Interval, unvaried
from robustkd.statistics.resampling import Observed, ratio, resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@dataclass(frozen=True)
class FidelityOptions:
    """This evaluation has no options."""


@EVALUATIONS.register("fidelity")
class Fidelity(Evaluation):
    """Agreement with the teacher, in excess of the independent baseline's."""

    name = "fidelity"
    title = "Fidelity"
    question = "How closely does each network follow the teacher's predictions?"
    version = 2
    requires = Requirements(teacher=True)
    summary = ("agreement", "agreement_excess")
    Options = FidelityOptions
    metrics = (
        Metric(
            "agreement",
            "Agreement",
            "fraction",
            True,
            "Share of the test images for which the network and the teacher predict the same class.",
            of_teacher=True,
        ),
        Metric(
            "agreement_excess",
            "Agreement in excess",
            "points",
            True,
            "Agreement minus the independent baseline's agreement with the same teacher.",
            difference_of="agreement",
            of_teacher=True,
        ),
        Metric(
            "kl",
            "KL from teacher",
            "nats",
            False,
            "Mean KL divergence KL(teacher ‖ network) of the predictions at temperature 1; 0 for equal predictions.",
            of_teacher=True,
        ),
        Metric(
            "kl_excess",
            "KL in excess",
            "nats",
            False,
            "KL divergence minus the independent baseline's from the same teacher; negative is closer.",
            difference_of="kl",
            of_teacher=True,
        ),
        Metric(
            "error_consistency",
            "Error consistency κ",
            "",
            True,
            "Agreement on which images are classified correctly, beyond what the accuracies imply; 0 is chance, 1 "
            "means errors on the same images.",
            of_teacher=True,
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Compare every other member's prediction for each test image with the teacher's."""
        if pool.teacher is None:
            raise EvaluationError("fidelity needs a teacher: add one to the pool")
        teacher = predict(pool.teacher)
        others = [member for member in pool if member.role != "teacher"]
        predictions = [predict(member) for member in others]
        if not others:
            raise EvaluationError("fidelity needs a student or baseline besides the teacher: add one to the pool")
        arrays = {
            "agreement": np.stack([seen.predicted == teacher.predicted for seen in predictions]),
            "kl": np.stack([kl_divergence(teacher, seen) for seen in predictions]),
            "correct": np.stack([seen.correct for seen in predictions]),
            "teacher_correct": teacher.correct,
        }
        names = [member.name for member in others]
        notes = _without_consistency(names, arrays["correct"], teacher.correct)
        return Records(members_frame(others), arrays, notes=notes)

    def summarise(self, records: Records) -> pd.DataFrame:
        """Agreement and KL, their differences to the baseline's, and κ."""
        arrays, members = records.arrays, records.members
        kappas = [_kappa(arrays["teacher_correct"], correct) for correct in arrays["correct"]]
        rows = per_image_rows(members, {name: arrays[name] for name in ("agreement", "kl")}, self.metrics)
        return tidy(rows + metric_rows(members, resampled(kappas, arrays["correct"].shape[1]), self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Agreement and KL by method."""
        import altair as alt

        agreement, kl = (dots_and_intervals(frame, self.metric(name)) for name in ("agreement", "kl"))
        return alt.vconcat(agreement, kl)

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's agreement, and the difference to the baseline's."""
        found = student_findings(frame, "agreement", "agreement_excess")
        return findings(found, self.metric("agreement"), self.metric("agreement_excess"), PHRASES)


PHRASES = Phrases(
    one="{student} agrees with the teacher on {value} of the test images",
    against="against the independent baseline",
    many="Agreement with the teacher against the independent baseline",
    verdicts=("closer to the teacher", "no significant difference", "further from the teacher"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)


def _without_consistency(names: Sequence[str], correct: np.ndarray, teacher: np.ndarray) -> tuple[str, ...]:
    """Note why error consistency is not defined, where both networks are always right or both always wrong."""
    notes = []
    for word, right in (("right", True), ("wrong", False)):
        alike = [name for name, own in zip(names, correct, strict=True) if (own == right).all()]
        if alike and (teacher == right).all():
            notes.append(
                f"Error consistency of {join(alike)} is not defined: like the teacher, it is {word} on every image"
            )
    return tuple(notes)


def kl_divergence(teacher: Predictions, member: Predictions) -> np.ndarray:
    """Return KL(p_teacher ‖ p_member) at temperature 1 for each image (Stanton et al. 2021, section 3).

    Args:
        teacher: The teacher's predictions for N images.
        member: The other network's predictions for the same images.

    Returns:
        The divergence in nats, float64 (N,).
    """
    log_p, log_q = teacher.log_probabilities, member.log_probabilities
    return np.asarray((np.exp(log_p) * (log_p - log_q)).sum(axis=1))


def error_consistency(correct_1: np.ndarray, correct_2: np.ndarray) -> float:
    """Return the error consistency of two networks (Geirhos et al. 2020, equations 1 and 3).

    It is Cohen's κ = (c_obs − c_exp)/(1 − c_exp), where c_obs is the share of images on which both are right or both
    are wrong, and c_exp = p₁p₂ + (1 − p₁)(1 − p₂) is the share expected from the accuracies p₁ and p₂.

    Args:
        correct_1: Whether the first network is right, bool (N,).
        correct_2: Whether the second network is right on the same images, bool (N,).

    Returns:
        κ, −1 to 1; NaN if both are always right or both always wrong, because κ is not defined then.
    """
    return float(_kappa(correct_1, correct_2).statistics(np.ones((1, len(correct_1))))["error_consistency"][0])


def _kappa_unvaried(correct_1: np.ndarray, correct_2: np.ndarray) -> Interval:
    """The interval of κ at the observed accuracies that follows from the interval of c_obs."""
    p_1, p_2 = correct_1.mean(dtype=np.float64), correct_2.mean(dtype=np.float64)
    expected = p_1 * p_2 + (1 - p_1) * (1 - p_2)
    known = unvaried(float((correct_1 == correct_2).mean()), len(correct_1))
    low, high = ratio(np.array(known) - expected, np.array(1 - expected if expected < 1 - ROUNDING else 0))
    return Interval(float(low), float(high))


def _kappa(correct_1: np.ndarray, correct_2: np.ndarray) -> Observed:
    """κ as a function of how often each image counts."""
    answers = np.stack([correct_1, correct_2, correct_1 == correct_2], axis=1).astype(np.float32)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        p_1, p_2, observed = (weights @ answers).astype(np.float64).T / weights.sum(axis=1)
        expected = p_1 * p_2 + (1 - p_1) * (1 - p_2)
        return {"error_consistency": ratio(observed - expected, np.where(expected < 1 - ROUNDING, 1 - expected, 0))}

    seen = {"error_consistency": correct_2.astype(np.float64)}
    return Observed(statistics, seen, {"error_consistency": _kappa_unvaried(correct_1, correct_2)})
