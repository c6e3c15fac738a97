"""From records to tidy results: noise rates, predictions for the training labels, and audits."""

from typing import Any

import numpy as np
from scipy.special import softmax

from robustkd.evaluations.label_noise.audit import audit, detection, estimation
from robustkd.evaluations.label_noise.judged_labels import JudgedLabels, refused_labels_found
from robustkd.evaluations.label_noise.measurement import fates
from robustkd.evaluations.label_noise.transitions import transition_rows
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records
from robustkd.results.value_rows import value_rows
from robustkd.statistics.intervals import TRAINING_IMAGES
from robustkd.statistics.resampling import resampled

CLEANLAB_RESAMPLES = 200
"""The number of resamples for cleanlab's estimates; fewer than for other metrics, because each takes longer."""

Row = dict[str, Any]


def noise_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return all rows that follow from the records, except the accuracy on test images.

    Args:
        records: The records of the label noise evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`.
    """
    rows: list[Row] = []
    if "realised" in records.arrays:
        rows += _rate_rows(records, metrics)
    if "predicted" in records.arrays:
        rows += _fate_rows(records, metrics)
    if "inspectors" in records.arrays:
        rows += _audit_rows(records, metrics)
    if "judged" in records.arrays:
        rows += _test_error_rows(records, metrics)
    return rows


def _rate_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    members, realised = records.members, records.arrays["realised"]
    requested = np.where(np.isnan(realised), np.nan, records.arrays["requested"])
    named = {metric.name: metric for metric in metrics}
    rows = value_rows(members, realised, named["realised_rate"])
    return rows + value_rows(members, requested, named["requested_rate"])


def _fate_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    arrays, members = records.arrays, records.members
    looks = [fates(arrays, row) for row in range(len(members))]
    found = resampled(looks, arrays["predicted"].shape[1], covers=TRAINING_IMAGES)
    return metric_rows(members, found, metrics)


def _audit_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    arrays = records.arrays
    members = records.members.iloc[arrays["inspectors"]].reset_index(drop=True)
    given, true, logits = (arrays[f"audit_{name}"] for name in ("given", "true", "logits"))
    scores, estimates, transitions = [], [], []
    for labels, truth, z in zip(given, true, logits, strict=True):
        probabilities = softmax(z.astype(np.float64), axis=1)
        judged = audit(labels, probabilities)
        scores.append(detection(judged.quality, labels != truth, judged.flagged))
        estimates.append(estimation(labels, truth, probabilities))
        transitions.append(judged.transition)
    images, covers = given.shape[1], f"{TRAINING_IMAGES}, {CLEANLAB_RESAMPLES} resamples"
    found = resampled(scores, images, covers=TRAINING_IMAGES)
    found |= resampled(estimates, images, ("transition_error",), covers, CLEANLAB_RESAMPLES)
    return metric_rows(members, found, metrics) + transition_rows(records, np.stack(transitions))


def _test_error_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    people = JudgedLabels(records.arrays["judged"], records.arrays["refused"])
    looks = [refused_labels_found(people, quality) for quality in records.arrays["test_quality"]]
    return metric_rows(records.members, resampled(looks, len(people.judged)), metrics)
