"""Rows of what is measured on request: further attacks, all students together, 8 bits, AutoAttack."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustkd.attacks.counting import Pair, fooling_rate, jointly_correct
from robustkd.evaluations.transferability.matrix import pair_of
from robustkd.evaluations.transferability.row import (
    Row,
    difference,
    member_row,
    pair_row,
    rate_of,
    teacher_of,
)
from robustkd.results.groups import with_baselines
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.statistics.rates import Counted

TOGETHER = "all students together"
"""The source of the attack on the mean of the students' logits."""


def request_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """Return the rows of everything that was asked for."""
    yield from _further_rows(records)
    yield from _eight_bit_rows(records)
    yield from _together_rows(records)
    yield from _autoattack_rows(records, metrics)


def _further_rows(records: Records) -> Iterator[Row]:
    """Transfer between all members by each further attack, and from the teacher in excess of the baseline."""
    arrays, members, teacher = records.arrays, records.members, teacher_of(records.members)
    everyone = range(len(members))
    for label, attacked in zip(arrays["further_attacks"], arrays["further"], strict=True):
        part = {"part": str(label)}
        for source in everyone:
            for target in everyone:
                counted = jointly_correct(pair_of(arrays, source, target, attacked))
                yield pair_row(records, source, target, "detail", "transfer_success", counted) | part
        if teacher is None:
            continue
        name = str(members["member"][teacher])
        for metric, counting in (
            ("teacher_transfer_excess", jointly_correct),
            ("fooling_rate_excess", fooling_rate),
        ):
            for target, baseline in with_baselines(members):
                both = (counting(pair_of(arrays, teacher, each, attacked)) for each in (target, baseline))
                row = member_row(members, target) | {"level": "detail", "metric": metric, "source": name}
                yield row | part | difference(*both)


def _eight_bit_rows(records: Records) -> Iterator[Row]:
    """Transfer success of the examples rounded to 8 bits, and the share of successes that survive."""
    arrays = records.arrays
    if "eight_bit" not in arrays:
        return
    everyone = range(len(records.members))
    for source in everyone:
        for target in everyone:
            before = jointly_correct(pair_of(arrays, source, target))
            after = jointly_correct(pair_of(arrays, source, target, arrays["eight_bit"]))
            survived = Counted(before.events & after.events, before.events)
            yield pair_row(records, source, target, "detail", "transfer_success_8bit", after)
            yield pair_row(records, source, target, "detail", "survival_8bit", survived)


def _together_rows(records: Records) -> Iterator[Row]:
    """Transfer from all students together to every member, and to the teacher in excess of each baseline."""
    arrays, members, teacher = records.arrays, records.members, teacher_of(records.members)
    if "together" not in arrays:
        return
    counted = [
        jointly_correct(Pair(arrays["label"], arrays["together_clean"], clean, arrays["together_attacked"], attacked))
        for clean, attacked in zip(arrays["clean"], arrays["together"], strict=True)
    ]
    for target, each in enumerate(counted):
        row = member_row(members, target) | {"level": "detail", "metric": "transfer_success", "source": TOGETHER}
        yield row | rate_of(each)
    if teacher is None:
        return
    for baseline in np.flatnonzero(members["role"] == "baseline"):
        found = difference(counted[teacher], counted[int(baseline)])
        row = member_row(members, teacher) | {"level": "detail", "metric": "together_excess", "source": TOGETHER}
        yield row | {"part": f"against {members['member'][baseline]}"} | found


def _autoattack_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """Accuracy under AutoAttack and its difference to the baseline, on the images that it attacked."""
    arrays = records.arrays
    if "autoattack" not in arrays:
        return
    values = {"autoattack_accuracy": arrays["autoattack"].astype(bool)}
    named = tuple(each for each in metrics if each.name in values or each.difference_of in values)
    for row in per_image_rows(records.members, values, named):
        yield row | {"part": f"AutoAttack, {arrays['autoattack_size']}"}
