"""The network's logit over the teacher's, tenth by tenth of the images."""

from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.groups import Group, groups_of, std_over_seeds
from robustkd.results.mean_over_images import MeanOverImages
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row

TENTHS = 10


def logit_rows(members: pd.DataFrame, teacher: np.ndarray, others: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
    """Return the mean logit of each method in each tenth of the images, by the teacher's logit.

    Args:
        members: One row per network, the teacher first.
        teacher: The teacher's logit for each image, float (N,).
        others: Those of the other networks, float (M − 1, N).
        metric: The metric of the rows.

    Returns:
        Rows of level ``detail``, whose `strength` is the teacher's mean logit; the teacher's own rows are the diagonal.
    """
    logits = np.concatenate([teacher[None], others])
    parts = [part for part in np.array_split(np.argsort(teacher, kind="stable"), TENTHS) if len(part)]
    return [
        _row(group, logits[:, part], metric) | {"strength": float(teacher[part].mean(dtype=np.float64))}
        for group in groups_of(members)
        for part in parts
    ]


def _row(group: Group, logits: np.ndarray, metric: Metric) -> dict[str, Any]:
    own = MeanOverImages(logits[group.rows], share=False)
    known = {"value": float(own.values.mean()), "std": std_over_seeds(own.values), "n": logits.shape[1]}
    return {**method_row(group, metric), "level": "detail"} | known | bounds(own.of_mean(np.arange(len(group.rows))))
