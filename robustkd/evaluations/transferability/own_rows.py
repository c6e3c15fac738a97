"""Rows of a network under attacks on itself, and under the strongest attack that is transferred to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustkd.attacks.counting import jointly_correct
from robustkd.evaluations.transferability.matrix import pair_of, robust
from robustkd.evaluations.transferability.row import Row, member_row, targets_of
from robustkd.evaluations.transferability.strength import ALL_SOURCES, strongest_transferred
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Records

DETAILS = ("white_box_accuracy_8bit", "withstood_first")
"""The metrics that are in the results, but not in the report's tables."""


def own_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """Accuracies under attacks on the network itself, and the share of zero gradients."""
    arrays, everyone = records.arrays, np.arange(len(records.members))
    first = arrays["adversarial"][everyone, everyone] == arrays["label"]
    values = {
        "white_box_accuracy": first,
        "white_box_accuracy_8bit": arrays["rounded"] == arrays["label"],
        "worst_case_accuracy": robust(arrays),
        "withstood_first": first & (arrays["clean"] == arrays["label"]),
        "zero_gradients": arrays["zero_gradient"].astype(bool),
    }
    named = [metric for metric in metrics if metric.name in values or metric.difference_of in values]
    names = [str(name) for name in arrays["attacks"]]
    for row in per_image_rows(records.members, values, tuple(named)):
        ran = names if row["metric"].startswith("worst_case") else names[:1]
        beside = {"level": "detail"} if row["metric"] in DETAILS else {}
        # networks are not ranked by their share of zero gradients
        unranked = {"below_baseline": None, "ties_best": None} if row["metric"] == "zero_gradients" else {}
        part = {} if unranked else {"part": " + ".join(ran)}
        yield row | part | beside | unranked


def masking_rows(records: Records) -> Iterator[Row]:
    """The strongest attack transferred to each target minus the attack on the target itself, on the same images."""
    arrays, members = records.arrays, records.members
    for target in targets_of(records):
        found = strongest_transferred(arrays, target, jointly_correct(pair_of(arrays, target, target)))
        if found is None:
            continue
        row = member_row(members, target) | {
            "level": "detail",
            "metric": "masking",
            "source": members["member"][found.source],
        }
        yield row | {"value": found.excess, "n": found.images} | bounds((found.interval, ALL_SOURCES))
