"""The measures of the evaluations as functions of NumPy arrays, for use with your own predictions.

Logits are (N, K), labels and predicted classes are integers (N,) from 0 to K − 1, for N images and K classes. Nothing
here needs a pool, a network or torch. The evaluations compute the same numbers, with intervals.

>>> import numpy as np
>>> import robustkd as rk
>>> labels = np.array([0, 1, 1, 2])
>>> teacher = np.array([[4.0, 0, 0], [0, 3, 1], [0, 1, 2], [0, 0, 5]])
>>> student = np.array([[2.0, 0, 0], [0, 1, 2], [0, 1, 3], [1, 0, 2]])
>>> rk.metrics.accuracy(teacher, labels), rk.metrics.accuracy(student, labels), rk.metrics.agreement(teacher, student)
(0.75, 0.5, 0.75)
"""

from robustkd.metrics.calibration import (
    brier_score,
    expected_calibration_error,
    fitting_temperature,
    logit_regression,
)
from robustkd.metrics.detection import detection, rank_correlation, scaled_confidence, true_positive_rate
from robustkd.metrics.features import debiased_cka, gnosis_cka, linear_cka, mutual_neighbours
from robustkd.metrics.fidelity import (
    agreement,
    error_consistency,
    jensen_shannon,
    kl_divergence,
    non_target_correlation,
    probabilistic_consistency,
    total_variation,
)
from robustkd.metrics.groups import demographic_parity_difference, equalised_odds_difference
from robustkd.metrics.inheritance import knowledge_parts, separation, share_taken_over
from robustkd.metrics.performance import accuracy, negative_log_likelihood, recalls
from robustkd.metrics.robustness import boundary_iou, mean_corruption_error, shape_bias, transfer_matrix
from robustkd.metrics.selective import (
    area_under_risk_coverage,
    coverage_at_risk,
    excess_area_under_risk_coverage,
    generalized_area_under_risk_coverage,
    risk_at_coverage,
)
from robustkd.statistics.intervals import Interval, wilson
from robustkd.statistics.significance import holm, mcnemar

__all__ = [
    "Interval",
    "accuracy",
    "agreement",
    "area_under_risk_coverage",
    "boundary_iou",
    "brier_score",
    "coverage_at_risk",
    "debiased_cka",
    "demographic_parity_difference",
    "detection",
    "equalised_odds_difference",
    "error_consistency",
    "excess_area_under_risk_coverage",
    "expected_calibration_error",
    "fitting_temperature",
    "generalized_area_under_risk_coverage",
    "gnosis_cka",
    "holm",
    "jensen_shannon",
    "kl_divergence",
    "knowledge_parts",
    "linear_cka",
    "logit_regression",
    "mcnemar",
    "mean_corruption_error",
    "mutual_neighbours",
    "negative_log_likelihood",
    "non_target_correlation",
    "probabilistic_consistency",
    "rank_correlation",
    "recalls",
    "risk_at_coverage",
    "scaled_confidence",
    "separation",
    "shape_bias",
    "share_taken_over",
    "total_variation",
    "transfer_matrix",
    "true_positive_rate",
    "wilson",
]
