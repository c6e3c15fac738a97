"""The labels given to the images of each true class: the true matrix and the estimate of each method."""

from __future__ import annotations

from typing import Any

import numpy as np

from robustkd.evaluations.label_noise.audit import transition_matrix
from robustkd.results.groups import groups_of
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import method_row
from robustkd.statistics.resampling import mean_of_defined

FEW_CLASSES = 20
"""The largest number of classes whose matrices are listed; 100 classes have 10,000 cells for each method."""

ESTIMATED = Metric("transition_estimated", "Estimated", "fraction", None, "Estimated P(given label | true class).")

TRUE = Metric("transition_true", "True", "fraction", None, "P(given label | true class) of the audited labels.")

ARROW = " → "


def transition_rows(records: Records, estimated: np.ndarray) -> list[dict[str, Any]]:
    """Return the rows of both matrices of each method, the mean over its seeds.

    Args:
        records: The records of the label noise evaluation, with audited labels.
        estimated: The matrix that each inspector estimates, float64 (I, K, K), true classes in rows; NaN for a class
            estimated to be empty.

    Returns:
        Rows of level ``detail`` for `tidy`, whose `part` is ``true class → given label`` and whose `n` counts the
        audited images of the true class; none for more than `FEW_CLASSES` classes.
    """
    names, arrays = records.arrays["class_names"].tolist(), records.arrays
    if len(names) > FEW_CLASSES:
        return []
    pairs = list(zip(arrays["audit_true"], arrays["audit_given"], strict=True))
    true = np.stack([transition_matrix(labels, given, len(names)) for labels, given in pairs])
    images = np.stack([np.bincount(labels, minlength=len(names)) for labels, _ in pairs])
    rows = []
    for group in groups_of(records.members.iloc[arrays["inspectors"]]):
        counts = images[group.rows].mean(axis=0).round()
        for metric, matrices in ((TRUE, true), (ESTIMATED, estimated)):
            mean = mean_of_defined(matrices[group.rows])
            row = {**method_row(group, metric), "level": "detail"}
            rows += [
                row | {"part": names[own] + ARROW + names[given], "value": mean[own, given], "n": counts[own]}
                for own, given in np.ndindex(mean.shape)
            ]
    return rows
