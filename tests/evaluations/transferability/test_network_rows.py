import numpy as np
import pytest

from robustkd.evaluations.transferability.network_rows import network_bootstrap_rows
from robustkd.results.records import Records

from ...conftest import members


def records_of(baseline: list[float], student: list[float]) -> Records:
    """Networks that are always right, and fooled by the teacher's attack on a share of 1,000 images."""
    shares = [1.0, *baseline, *student]
    adversarial = np.zeros((len(shares), len(shares), 1000), dtype=int)
    for index, share in enumerate(shares):
        adversarial[0, index, : round(1000 * share)] = 1
    who = [("teacher", "teacher", "big", None)]
    who += [("baseline", "baseline", "net", seed) for seed in range(len(baseline))]
    who += [("student", "kd", "net", seed) for seed in range(len(student))]
    labels = {"label": np.zeros(1000, dtype=int), "clean": np.zeros((len(shares), 1000), dtype=int)}
    return Records(members(*who), {**labels, "adversarial": adversarial})


def test_the_interval_is_over_the_networks_alone() -> None:
    rows = list(network_bootstrap_rows(records_of([0.3] * 5, [0.2, 0.4, 0.5, 0.6, 0.8])))

    excess = next(row for row in rows if row["metric"] == "teacher_transfer_excess")
    assert excess["value"] == pytest.approx(0.2)
    deviation = np.std([0.2, 0.4, 0.5, 0.6, 0.8]) / np.sqrt(5)  # of the mean of five draws
    assert (excess["ci_high"] - excess["ci_low"]) / 2 == pytest.approx(1.96 * deviation, rel=0.1)
    assert (excess["interval"], excess["part"], excess["level"]) == (
        "95% bootstrap over networks",
        "over networks",
        "detail",
    )


def test_networks_that_are_alike_have_no_variation() -> None:
    rows = list(network_bootstrap_rows(records_of([0.3] * 3, [0.5] * 3)))

    excess = next(row for row in rows if row["metric"] == "teacher_transfer_excess")
    assert (excess["ci_low"], excess["ci_high"]) == (pytest.approx(0.2), pytest.approx(0.2))


def test_fewer_than_three_seeds_have_no_row() -> None:
    rows = list(network_bootstrap_rows(records_of([0.3] * 2, [0.5] * 3)))

    assert [(row["metric"], row["member"]) for row in rows] == [("transfer_success", "kd")]
