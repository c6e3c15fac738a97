"""Intervals over networks: what other trainings of the same methods might give, by resampling those there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustkd.attacks.counting import jointly_correct
from robustkd.evaluations.transferability.matrix import pair_of
from robustkd.evaluations.transferability.row import Row, teacher_of
from robustkd.results.groups import Group, baseline_of, groups_of
from robustkd.results.measured import bounds
from robustkd.results.records import Records
from robustkd.statistics.bootstrap import RESAMPLES, percentiles
from robustkd.statistics.studentised import FEWEST_SEEDS

BOOTSTRAP_NETWORKS = "95% bootstrap over networks"


def network_bootstrap_rows(records: Records) -> Iterator[Row]:
    """Transfer from the teacher to each method, and its excess, with a bootstrap over networks in place of images.

    Only methods of three seeds or more have rows, and only excesses over a baseline of three or more. With so few
    networks the bootstrap is too narrow by the factor √((S − 1)/S) at least, so the tests do not rest on it.
    """
    members, teacher = records.members, teacher_of(records.members)
    if teacher is None:
        return
    groups = groups_of(members)
    rates = np.array([jointly_correct(pair_of(records.arrays, teacher, target)).rate for target in range(len(members))])
    for group in groups:
        own = rates[group.rows]
        if group.who["role"] == "teacher" or not _enough(own):
            continue
        row = _beginning(group, str(members["member"][teacher]))
        yield row | {"metric": "transfer_success"} | _bootstrapped(own)
        baseline = baseline_of(group, groups)
        if group.who["role"] == "student" and baseline is not None and _enough(rates[baseline.rows]):
            yield row | {"metric": "teacher_transfer_excess"} | _bootstrapped(own, rates[baseline.rows])


def _enough(rates: np.ndarray) -> bool:
    return len(rates) >= FEWEST_SEEDS and not np.isnan(rates).any()


def _beginning(group: Group, teacher: str) -> Row:
    who = {"level": "detail", "member": group.method, "method": group.method, **group.who}
    return who | {"source": teacher, "n_seeds": len(group.rows), "part": "over networks"}


def _bootstrapped(own: np.ndarray, others: np.ndarray | None = None) -> Row:
    random = np.random.default_rng(0)
    samples = _means(own, random)
    value = float(own.mean())
    if others is not None:
        samples, value = samples - _means(others, random), value - float(others.mean())
    return {"value": value} | bounds((percentiles(samples), BOOTSTRAP_NETWORKS))


def _means(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.asarray(values[random.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1))
