"""Rows of a source and a target: the matrix, other ways of counting, single classes, and other attacks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustkd.attacks.counting import VARIANTS, Pair, jointly_correct
from robustkd.evaluations.transferability.matrix import pair_of
from robustkd.evaluations.transferability.row import (
    Row,
    member_row,
    others_than_teacher,
    pair_row,
    rate,
    targets_of,
    teacher_of,
)
from robustkd.results.records import Records

METRIC_OF = {
    "jointly_correct": "transfer_success",
    "fooled_source": "transfer_success_fooled_source",
    "fooling_rate": "fooling_rate",
}
"""The metric of each way of counting."""


def pair_rows(records: Records) -> Iterator[Row]:
    """Transfer success of every pair of the matrix."""
    for source in range(len(records.members)):
        for target in targets_of(records):
            counted = jointly_correct(pair_of(records.arrays, source, target))
            yield pair_row(records, source, target, "pair", "transfer_success", counted)


def variant_rows(records: Records) -> Iterator[Row]:
    """Other ways of counting, and transfer to what is no target of the matrix."""
    everyone = range(len(records.members))
    beside = sorted({*everyone} - {*targets_of(records)})
    for variant, counting in VARIANTS.items():
        for source in everyone:
            for target in everyone if counting is not jointly_correct else beside:
                counted = counting(pair_of(records.arrays, source, target))
                yield pair_row(records, source, target, "detail", METRIC_OF[variant], counted)


def class_rows(records: Records) -> Iterator[Row]:
    """Transfer success of every pair on the images of each class."""
    arrays, members = records.arrays, records.members
    names = [str(name) for name in arrays["class_names"]]
    for target in targets_of(records):
        who = member_row(members, target) | {"level": "detail", "metric": "transfer_success"}
        for source in range(len(members)):
            counted = jointly_correct(pair_of(arrays, source, target))
            events, eligible = (
                np.bincount(arrays["label"][chosen], minlength=len(names))
                for chosen in (counted.events, counted.eligible)
            )
            for name, fooled, count in zip(names, events.tolist(), eligible.tolist(), strict=True):
                pair = {"source": members["member"][source], "part": f"class {name}"}
                yield who | pair | rate(fooled, count)


def standardised_rows(records: Records) -> Iterator[Row]:
    """Transfer from the teacher of the examples that were crafted through its standardised logits."""
    arrays, members, teacher = records.arrays, records.members, teacher_of(records.members)
    if teacher is None or "from_teacher" not in arrays:
        return
    clean, seen = arrays["clean"], arrays["from_teacher"]
    for target in others_than_teacher(members):
        pair = Pair(arrays["label"], clean[teacher], clean[target], seen[teacher], seen[target])
        row = pair_row(records, teacher, target, "detail", "transfer_success", jointly_correct(pair))
        yield row | {"part": str(arrays["from_teacher_attack"])}


def sweep_rows(records: Records) -> Iterator[Row]:
    """White-box accuracy and transfer from the teacher at every ε: those of the sweep, and the matrix's."""
    arrays, members, teacher = records.arrays, records.members, teacher_of(records.members)
    if len(arrays["sweep"]) == 0:
        return
    attacked = {float(epsilon): at for epsilon, at in zip(arrays["epsilons"], arrays["sweep"], strict=True)}
    attacked[float(arrays["epsilon"])] = arrays["adversarial"]
    for epsilon, at in sorted(attacked.items()):
        setting = {"part": f"ε = {epsilon:.4g}", "strength": epsilon}
        for member in range(len(members)):
            right = at[member, member] == arrays["label"]
            row = member_row(members, member) | {"level": "detail", "metric": "white_box_accuracy"}
            yield row | rate(int(right.sum()), len(right)) | setting
        if teacher is None:
            continue
        for target in others_than_teacher(members):
            counted = jointly_correct(pair_of(arrays, teacher, target, at))
            yield pair_row(records, teacher, target, "detail", "transfer_success", counted) | setting
