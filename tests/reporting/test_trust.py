import numpy as np
import pandas as pd

from robustkd.reporting.trust import trust_in
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import tidy

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")
AGREEMENT = Metric("agreement", "Agreement", "fraction", True, "", of_teacher=True)
TRANSFER = Metric("transfer", "Transfer", "fraction", None, "")


def frame() -> pd.DataFrame:
    who = [("teacher", "teacher", None), ("baseline", "baseline", 0), ("student", "at", 0), ("student", "sp", 0)]
    members = pd.DataFrame(
        [
            {
                "member": method if seed is None else f"{method}-{seed}",
                "role": role,
                "method": method,
                "architecture": "net",
                "seed": seed,
                "condition": "clean",
            }
            for role, method, seed in who
        ]
    ).astype({"seed": "Int64"})
    right = np.random.default_rng(0).random((4, 50)) < 0.5
    rows = per_image_rows(members, {"accuracy": right, "agreement": right}, (ACCURACY, GAIN, AGREEMENT))
    for member in ("at-0", "sp-0"):
        of_pair = {"level": "pair", "member": member, "source": "baseline-0", "role": "student", "method": member[:2]}
        rows.append(of_pair | {"architecture": "net", "condition": "clean", "metric": "transfer", "value": 0.5})
    return tidy(rows).assign(group="")


def voided(check: Check) -> set[tuple[str, str]]:
    """The metric and member of all numbers that a failed check voids."""
    result = Result("generalization", frame(), (check,), {})
    trust = trust_in(result, [result])
    metrics = {metric.name: metric for metric in (ACCURACY, GAIN, AGREEMENT, TRANSFER)}
    rows = [row for _, row in result.frame.iterrows()]
    return {(row["metric"], row["member"]) for row in rows if trust.voids(row, metrics[row["metric"]])}


def failed(member: str, *metrics: str) -> Check:
    return Check("a check", False, "", member, metrics)


def test_results_in_python_keep_a_void_number_and_say_that_it_is_void() -> None:
    result = Result("generalization", frame(), (failed("at-0", "accuracy"),), {})

    marked = trust_in(result, [result]).marked(result.frame, (ACCURACY, GAIN, AGREEMENT))

    void = marked[marked["void"]]
    found = set(zip(void["metric"], void["member"], strict=True))
    assert found == {("accuracy", "at-0"), ("accuracy", "at"), ("gain", "at")}
    pd.testing.assert_frame_equal(marked.drop(columns="void"), result.frame)


def test_what_fails_for_a_network_voids_its_numbers_and_those_of_its_method() -> None:
    assert voided(failed("at-0", "accuracy")) == {("accuracy", "at-0"), ("accuracy", "at"), ("gain", "at")}


def test_what_fails_for_the_baseline_voids_every_difference_to_it() -> None:
    own = {("accuracy", "baseline-0"), ("accuracy", "baseline")}

    assert voided(failed("baseline-0", "accuracy")) == own | {("gain", "at"), ("gain", "sp")}


def test_what_fails_for_the_teacher_voids_what_is_about_the_teacher() -> None:
    found = voided(failed("teacher", "agreement"))

    assert {member for metric, member in found if metric == "agreement"} >= {"at", "sp", "at-0", "sp-0"}
    assert {metric for metric, _ in found} == {"agreement"}


def test_of_an_attack_the_network_attacked_is_what_voids_it() -> None:
    assert voided(failed("baseline-0", "transfer")) == {("transfer", "at-0"), ("transfer", "sp-0")}
    assert voided(failed("at-0", "transfer")) == set()


def test_what_fails_for_a_difference_of_attacks_voids_it_for_that_student_alone() -> None:
    """Such as another architecture of the baseline; the transfer itself stands."""
    excess = Metric("excess", "Excess", "points", None, "", difference_of="transfer", of_teacher=True)
    both = frame()
    pairs = both[both["metric"] == "transfer"]
    rows = pd.concat([pairs, pairs.assign(metric="excess", source="teacher", level="network")], ignore_index=True)
    result = Result("transferability", pd.concat([both, rows]), (failed("at-0", "excess"),), {})

    trust = trust_in(result, [result])

    named = {"excess": excess, "transfer": TRANSFER}
    void = [(row["metric"], row["member"]) for _, row in rows.iterrows() if trust.voids(row, named[row["metric"]])]
    assert void == [("excess", "at-0")]


def test_a_network_that_is_not_what_it_should_be_voids_all_its_numbers_as_a_target_too() -> None:
    assert {metric for metric, member in voided(failed("at-0")) if member in ("at", "at-0")} == {
        "accuracy",
        "gain",
        "agreement",
        "transfer",
    }


def test_what_passed_voids_nothing() -> None:
    assert voided(Check("a check", True, "", "", ())) == set()
