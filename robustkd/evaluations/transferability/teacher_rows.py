"""Rows of a network and the teacher: transfer from the teacher against the baseline's, and transfer back to it."""

from __future__ import annotations

from collections.abc import Iterator

from robustkd.attacks.counting import Counting, fooling_rate, jointly_correct
from robustkd.evaluations.transferability.matrix import pair_of
from robustkd.evaluations.transferability.row import (
    Row,
    difference,
    member_row,
    others_than_teacher,
    rate_of,
    teacher_of,
)
from robustkd.results.groups import with_baselines
from robustkd.results.records import Records


def from_teacher_rows(records: Records) -> Iterator[Row]:
    """The fooling rate, and by how much transfer from the teacher exceeds that to the independent baseline."""
    members, teacher = records.members, teacher_of(records.members)
    if teacher is None:
        return
    for target in others_than_teacher(members):
        counted = fooling_rate(pair_of(records.arrays, teacher, target))
        yield (
            member_row(members, target)
            | {"metric": "fooling_rate", "source": members["member"][teacher]}
            | rate_of(counted)
        )
    yield from _excess_rows(records, teacher, "teacher_transfer_excess", jointly_correct)
    yield from _excess_rows(records, teacher, "fooling_rate_excess", fooling_rate)


def _excess_rows(records: Records, teacher: int, metric: str, counting: Counting) -> Iterator[Row]:
    """Each student minus its baseline, for the same attacks on the teacher and the same images."""
    for target, baseline in with_baselines(records.members):
        of_target, of_baseline = (counting(pair_of(records.arrays, teacher, seen)) for seen in (target, baseline))
        found = difference(of_target, of_baseline)
        if found:
            row = member_row(records.members, target) | {"metric": metric}
            yield row | {"source": records.members["member"][teacher]} | found


def asymmetry_rows(records: Records) -> Iterator[Row]:
    """Transfer to the teacher minus transfer from it."""
    members, teacher = records.members, teacher_of(records.members)
    if teacher is None:
        return
    for student in others_than_teacher(members):
        up, down = (pair_of(records.arrays, *pair) for pair in ((student, teacher), (teacher, student)))
        found = difference(jointly_correct(up), jointly_correct(down))
        if found:
            yield member_row(members, student) | {"metric": "asymmetry"} | found
