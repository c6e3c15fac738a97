"""How closely does each network follow the teacher's predictions?

Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021), section 3: top-1 agreement, mean 1[argmax
p_t = argmax p_s], and predictive KL, mean KL(p_t ‖ p_s) at temperature 1. Two accurate networks agree whether or not
one taught the other, so both are given **in excess of the independent baseline**, and beside them error consistency κ
(Geirhos, Meding, Wichmann, *Beyond accuracy*, NeurIPS 2020, equations 1 and 3), which takes the agreement expected
from accuracy alone away.

Needs a teacher and predictions for the test images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.findings import student_findings
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
    version = 1
    requires = Requirements(teacher=True)
    summary = ("agreement", "agreement_excess")
    Options = FidelityOptions
    metrics = (
        Metric(
            "agreement",
            "Agreement",
            "fraction",
            True,
            "Share of test images on which both predict one class.",
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
            "Mean KL(teacher‖member) of the predictions at temperature 1.",
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
            "Agreement in being right or wrong beyond what the accuracies imply; 0 is chance, 1 is the same errors.",
            of_teacher=True,
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Compare every other member's prediction for each test image with the teacher's."""
        if pool.teacher is None:
            raise EvaluationError("fidelity needs a teacher in the pool")
        teacher = predict(pool.teacher)
        others = [member for member in pool if member.role != "teacher"]
        predictions = [predict(member) for member in others]
        if not others:
            raise EvaluationError("fidelity needs a student or baseline beside the teacher")
        arrays = {
            "agreement": np.stack([seen.predicted == teacher.predicted for seen in predictions]),
            "kl": np.stack([kl_divergence(teacher, seen) for seen in predictions]),
            "correct": np.stack([seen.correct for seen in predictions]),
            "teacher_correct": teacher.correct,
        }
        return Records(members_frame(others), arrays)

    def summarise(self, records: Records) -> pd.DataFrame:
        """Agreement, KL, both in excess of the baseline's, and κ."""
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
    one="{student} agrees with its teacher on {value} of the test images",
    against="relative to a network that never saw the teacher",
    many="Agreement with the teacher relative to a network that never saw it",
    verdicts=("closer to the teacher", "no significant difference", "less like the teacher"),
    alone="without an independent baseline, it is unknown how much of that was inherited",
)


def kl_divergence(teacher: Predictions, member: Predictions) -> np.ndarray:
    """KL(p_teacher ‖ p_member) at temperature 1 in nats for each image, float64 (N,)."""
    log_p, log_q = teacher.log_probabilities, member.log_probabilities
    return np.asarray((np.exp(log_p) * (log_p - log_q)).sum(axis=1))


def error_consistency(correct_1: np.ndarray, correct_2: np.ndarray) -> float:
    """Cohen's κ of two networks' being right: (c_obs − c_exp)/(1 − c_exp), c_exp = p₁p₂ + (1 − p₁)(1 − p₂).

    Args:
        correct_1: bool (N,).
        correct_2: bool (N,), on the same images.

    Returns:
        −1 to 1; NaN where both are always right or both always wrong, for then no consistency can be told.
    """
    return float(_kappa(correct_1, correct_2).statistics(np.ones((1, len(correct_1))))["error_consistency"][0])


def _kappa_unvaried(correct_1: np.ndarray, correct_2: np.ndarray) -> Interval:
    """What κ may be at the accuracies seen, if the share of images on which both are right or both wrong is unsure."""
    p_1, p_2 = correct_1.mean(dtype=np.float64), correct_2.mean(dtype=np.float64)
    expected = p_1 * p_2 + (1 - p_1) * (1 - p_2)
    known = unvaried(float((correct_1 == correct_2).mean()), len(correct_1))
    low, high = ratio(np.array(known) - expected, np.array(1 - expected if expected < 1 - ROUNDING else 0))
    return Interval(float(low), float(high))


def _kappa(correct_1: np.ndarray, correct_2: np.ndarray) -> Observed:
    answers = np.stack([correct_1, correct_2, correct_1 == correct_2], axis=1).astype(np.float32)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        p_1, p_2, observed = (weights @ answers).astype(np.float64).T / weights.sum(axis=1)
        expected = p_1 * p_2 + (1 - p_1) * (1 - p_2)
        return {"error_consistency": ratio(observed - expected, np.where(expected < 1 - ROUNDING, 1 - expected, 0))}

    seen = {"error_consistency": correct_2.astype(np.float64)}
    return Observed(statistics, seen, {"error_consistency": _kappa_unvaried(correct_1, correct_2)})
