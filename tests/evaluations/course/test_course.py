import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import robustkd as rk
from robustkd.data import Dataset
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.models import Member, ModelPool
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Records
from robustkd.statistics.intervals import T_SEEDS
from robustkd.studies import load_study, run_study
from robustkd.studies.measuring import measure

from ...conftest import network


def trained(
    method: str,
    seed: int | None,
    agreement: Sequence[float] = (),
    epochs: Sequence[int] | None = None,
    accuracy: Sequence[float] | None = None,
    role: Any = "student",
) -> Member:
    """A network that was measured along its training, where an agreement is given; it is as accurate as it agrees."""
    model = network(1 if seed is None else seed + 1)
    if agreement:
        model.lineage["course"] = {
            "epoch": list(epochs or range(1, len(agreement) + 1)),
            "accuracy": list(accuracy or agreement),
            "agreement": list(agreement),
            "kl": [1 - share for share in agreement],
        }
    return Member(model, role, method, seed)


def seeds(method: str, *changes: float) -> list[Member]:
    """Networks whose agreement was 0.5 until three of four epochs, and changed afterwards."""
    return [
        trained(method, seed, (0.5, 0.5, 0.5, 0.5 + change), accuracy=(0.1, 0.4, 0.6, 0.5))
        for seed, change in enumerate(changes)
    ]


def asked(data: Dataset, members: Sequence[Member]) -> tuple[Records, pd.DataFrame, list[str]]:
    evaluation = EVALUATIONS["course"]()
    pool = ModelPool(network(0), members=members)
    records = evaluation.measure(pool, data, PredictionCache(data))
    frame = evaluation.summarise(records)
    assert json.dumps(evaluation.chart(frame).to_dict(), allow_nan=False)
    return records, frame, evaluation.headline(frame)


def test_one_network_by_hand(data: Dataset) -> None:
    member = trained("kd", 0, (0.2, 0.6, 0.7, 0.8), accuracy=(0.2, 0.5, 0.6, 0.6))

    _, frame, said = asked(data, [trained("baseline", 0, role="baseline"), member])

    # 90 % of 0.8 is reached at 0.8, that of 0.6 at 0.6; KL is 1 minus the agreement
    expected = {
        "final_agreement": 0.8,
        "late_agreement_change": 0.1,
        "epochs_to_agreement": 4,
        "final_accuracy": 0.6,
        "late_accuracy_change": 0,
        "epochs_to_accuracy": 3,
        "final_kl": 0.2,
        "late_kl_change": -0.1,
    }
    for level, name in (("network", "kd-0"), ("method", "kd")):
        rows = frame[(frame["level"] == level) & (frame["member"] == name)]
        assert rows.set_index("metric")["value"].to_dict() == pytest.approx(expected)
        assert rows["ci_low"].isna().all()
        assert rows["below_baseline"].isna().all()
    assert said == [
        "In the last quarter of the training, agreement of the kd network with its teacher changed by +10.0 points, to "
        "80.0% (not tested, fewer than 3 seeds); accuracy changed by +0.0 points."
    ]


def test_three_seeds_are_tested_by_students_t(data: Dataset) -> None:
    _, frame, said = asked(data, seeds("kd", 0.1, 0.2, 0.3))

    row = frame[(frame["level"] == "method") & (frame["metric"] == "late_agreement_change")].iloc[0]
    # mean 0.2, standard error 0.1/√3, t quantile 4.3027 with 2 degrees of freedom; p = 1 − t/√(2 + t²) with t = √12
    assert (row["value"], row["std"], row["n_seeds"]) == (pytest.approx(0.2), pytest.approx(0.1), 3)
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(-0.04841, abs=1e-5), pytest.approx(0.44841, abs=1e-5))
    assert row["p_value"] == pytest.approx(1 - np.sqrt(12 / 14))
    assert row["interval"] == T_SEEDS
    final = frame[(frame["level"] == "method") & (frame["metric"] == "final_agreement")].iloc[0]
    assert (final["value"], final["ci_high"]) == (pytest.approx(0.7), pytest.approx(0.94841, abs=1e-5))
    assert np.isnan(final["p_value"])
    assert said == [
        "In the last quarter of the training, agreement of kd with its teacher changed by +20.0 points [−4.8, +44.8], "
        "to 70.0%: no significant change; accuracy changed by −10.0 points."
    ]


def verdicts(said: Sequence[str]) -> list[str]:
    return [sentence.partition("%: ")[2].partition(";")[0] for sentence in said]


def test_the_verdict_follows_the_sign_of_a_significant_change(data: Dataset) -> None:
    _, _, said = asked(data, [*seeds("grows", 0.19, 0.2, 0.21), *seeds("falls", -0.19, -0.2, -0.21)])

    assert verdicts(said) == ["it still came closer to its teacher", "it moved away from its teacher"]


def test_verdicts_are_corrected_for_the_number_of_students(data: Dataset) -> None:
    # t = 0.032·√3/0.01 = 5.54, so p = 0.031, and 0.062 for the smaller of two
    hardly = (0.022, 0.032, 0.042)

    _, _, alone = asked(data, seeds("a", *hardly))
    _, _, beside = asked(data, [*seeds("a", *hardly), *seeds("b", *hardly)])

    assert verdicts(alone) == ["it still came closer to its teacher"]
    assert verdicts(beside) == ["no significant change after correction for 2 students (Holm)"] * 2


def test_many_students_share_a_sentence(data: Dataset) -> None:
    members = [
        *seeds("a", 0.19, 0.2, 0.21),
        *seeds("b", 0.29, 0.3, 0.31),
        *seeds("c", -0.1, 0, 0.1),
        *seeds("d", -0.19, -0.2, -0.21),
        *seeds("e", 0.1),
        *seeds("f", 0, 0, 0),
    ]

    _, _, said = asked(data, members)

    assert said == [
        "Change of the agreement with the teacher over the last quarter of the training (points): still growing: b "
        "(+30.0), a (+20.0); no significant change: c (+0.0); falling: d (−20.0); not tested, fewer than 3 seeds: e "
        "(+10.0); not tested, seeds that do not differ: f (+0.0); accuracy changed by −10.0 to −10.0."
    ]


def test_seeds_that_do_not_differ_tell_nothing_of_others(data: Dataset) -> None:
    _, frame, said = asked(data, seeds("kd", 0.1, 0.1, 0.1))

    assert frame["ci_low"].isna().all()
    assert "to 60.0% (not tested, seeds that do not differ)" in said[0]


def test_courses_of_different_lengths(data: Dataset) -> None:
    short = trained("kd", 0, (0.2, 0.4), epochs=(2, 4))
    long = trained("kd", 1, (0.1, 0.4, 0.6, 0.8), epochs=(1, 2, 4, 8))

    records, frame, _ = asked(data, [short, long])

    values = frame[frame["level"] == "network"].set_index(["metric", "member"])["value"]
    assert records.arrays["epoch"].shape == (2, 4)
    # after 3 of 4 epochs 0.3; after 6 of 8 epochs 0.7
    assert values["late_agreement_change", "kd-0"] == pytest.approx(0.1)
    assert values["late_agreement_change", "kd-1"] == pytest.approx(0.1)
    curve = frame[(frame["metric"] == "course_agreement") & (frame["member"] == "kd")].set_index("strength")["value"]
    assert curve.to_dict() == pytest.approx({2: 0.3, 4: 0.5})
    assert records.notes == (
        "The networks of kd were not all measured after the same epochs: its mean curve is drawn where all were",
    )


def test_a_curve_is_the_mean_over_seeds_beside_its_networks(data: Dataset) -> None:
    _, frame, _ = asked(data, [*seeds("kd", 0.1, 0.3), *seeds("at", 0.2)])

    curves = frame[(frame["level"] == "detail") & (frame["metric"] == "course_agreement") & (frame["strength"] == 4)]
    assert curves.set_index("member")["value"].to_dict() == pytest.approx(
        {"kd": 0.7, "kd-0": 0.6, "kd-1": 0.8, "at": 0.7}
    )
    assert len(frame[(frame["level"] == "detail") & (frame["member"] == "at")]) == 3 * 4


def test_a_member_without_a_course_is_left_out_and_named(data: Dataset) -> None:
    members = [trained("baseline", 0, role="baseline"), trained("one", 0), trained("kd", 0, (0.5, 0.6))]

    records, frame, _ = asked(data, members)

    assert set(frame["method"]) == {"kd"}
    assert records.members["member"].tolist() == ["kd-0"]
    assert records.notes == ("one-0 was not measured along the training and was left out",)


def test_several_members_without_a_course_are_named_together(data: Dataset) -> None:
    records, _, _ = asked(data, [trained("one", 0), trained("dml", 0), trained("kd", 0, (0.5, 0.6))])

    assert records.notes == ("one-0 and dml-0 were not measured along the training and were left out",)


def test_a_change_that_is_not_defined_is_explained(data: Dataset) -> None:
    records, frame, said = asked(data, [trained("kd", 0, (0.5,), epochs=(10,))])

    assert frame[frame["metric"] == "late_agreement_change"]["value"].isna().all()
    assert said == []
    assert records.notes == (
        "The change over the last quarter of the training is not defined for kd-0: the first measurement came after "
        "75% of the epochs; set training.evaluate_every lower",
    )


def test_the_course_of_the_teacher_is_about_another_teacher(data: Dataset) -> None:
    teacher = trained("teacher", None, (0.5, 0.6), role="teacher")
    evaluation = EVALUATIONS["course"]()
    pool = ModelPool(members=[teacher, trained("kd", 0)])

    why = "no network was measured along its training: set training.evaluate_every"
    assert evaluation.inapplicable(pool, data) == why
    with pytest.raises(EvaluationError, match="no network was measured"):
        evaluation.measure(pool, data, PredictionCache(data))


def test_the_same_weights_with_another_course_are_read_again(data: Dataset, tmp_path: Path) -> None:
    evaluation = EVALUATIONS["course"]()
    first, second = (ModelPool(members=[trained("kd", 0, course)]) for course in ((0.1, 0.2), (0.1, 0.3)))

    seen = [measure(evaluation, pool, data, PredictionCache(data), tmp_path) for pool in (first, first, second)]

    assert [part.records.arrays["agreement"][0, -1] for part in seen] == [0.2, 0.2, 0.3]
    assert seen[0].key == seen[1].key != seen[2].key


def test_records_are_read_as_they_were_written(data: Dataset, tmp_path: Path) -> None:
    records, frame, _ = asked(data, [trained("kd", 0, (0.1, 0.2)), trained("kd", 1, (0.1, 0.2, 0.4))])
    records.save(tmp_path / "course.npz")

    again = EVALUATIONS["course"]().summarise(Records.load(tmp_path / "course.npz"))

    pd.testing.assert_frame_equal(again, frame)


STUDY = """
name: growth
data: {name: digits, train_images: 100, test_images: 40}
teacher: {architecture: cifar_wrn_10_1, seeds: 7}
students: {architecture: cifar_wrn_10_1, methods: [baseline, hinton], seeds: [0, 1]}
training: {epochs: 2, milestones: [], evaluate_every: 1}
evaluations: [fidelity, course]
"""


def test_a_study_measures_and_reports_the_course(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)

    evaluated = run_study(load_study(tmp_path / "study.yaml"), tmp_path / "run", device="cpu")

    values = {
        name: evaluated.results[name].query("level == 'network' and role == 'student'").set_index(["metric", "member"])
        for name in ("course", "fidelity")
    }
    for member in ("hinton-0", "hinton-1"):
        last, measured = (
            values[name].loc[(metric, member), "value"]
            for name, metric in (("course", "final_agreement"), ("fidelity", "agreement"))
        )
        assert last == pytest.approx(measured)
    curve = evaluated.results["course"].query("metric == 'course_agreement' and member == 'hinton'")
    assert curve["strength"].tolist() == [1, 2]
    assert (evaluated.path / "report" / "figures" / "course.png").is_file()
    assert "| hinton |" in (evaluated.path / "report" / "report.md").read_text().partition("## Course")[2]


def test_a_study_that_measures_no_course_says_so_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    asked_for = ("training.evaluate_every=0", "training.epochs=1")

    evaluated = run_study(load_study(tmp_path / "study.yaml", asked_for), tmp_path / "run", device="cpu")

    assert "course" not in evaluated.results
    report = (evaluated.path / "report" / "report.md").read_text()
    assert "no network was measured along its training: set training.evaluate_every" in report


def test_a_pool_of_trained_models_is_asked_by_the_full_suite() -> None:
    from robustkd.studies.evaluate_models import SUITES

    assert "course" in SUITES["full"]
    assert "course" not in SUITES["quick"]
    assert rk.evaluations().set_index("evaluation").loc["course", "needs"] == (
        "the fidelity measured along the training (training.evaluate_every)"
    )


def test_a_network_without_a_seed_may_be_asked(data: Dataset) -> None:
    member = replace(trained("kd", None, (0.5, 0.6)), condition="label noise 40%")

    _, frame, _ = asked(data, [member])

    assert set(frame["condition"]) == {"label noise 40%"}
