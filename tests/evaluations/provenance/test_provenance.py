from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from robustkd.data import Dataset
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.models import ModelPool
from robustkd.results.records import Records
from robustkd.results.told_apart import ALL

from ...conftest import network

Run = Callable[..., tuple[Evaluation, Records, pd.DataFrame]]


@pytest.fixture
def evaluated(data: Dataset, predict_as: Callable) -> Run:
    """The teacher errs on every fourth image; its students follow it on most errors, the others err at random."""
    labels = data.test.labels.numpy()

    def answers(name: str, index: int) -> np.ndarray:
        random = np.random.default_rng(index)
        teacher = np.where(np.arange(40) % 4 == 0, (labels + 1) % 3, labels)
        if name == "teacher":
            return teacher
        own = np.where(random.random(40) < 0.4, (labels + random.integers(1, 3, 40)) % 3, labels)
        return np.where(random.random(40) < 0.9, teacher, own) if name.startswith(("at", "sp")) else own

    def run(pool: ModelPool) -> tuple[Evaluation, Records, pd.DataFrame]:
        logits = {member.name: np.eye(3)[answers(member.name, index)] for index, member in enumerate(pool)}
        evaluation = EVALUATIONS["provenance"]()
        records = evaluation.measure(pool, data, predict_as(logits, labels))
        return evaluation, records, evaluation.summarise(records)

    return run


def networks(count: int) -> list:
    return [network(seed) for seed in range(count)]


def test_students_that_follow_the_teacher_are_told_from_independent_networks(evaluated: Run) -> None:
    evaluation, records, frame = evaluated(ModelPool(network(9), networks(4), {"at": networks(4)}))

    values = frame[frame["metric"] == "agreement_on_errors"].set_index("member")["value"]
    agrees, wrong = records.arrays["agrees"], ~records.arrays["correct"]
    # by hand: the first baseline on the errors of the other three, the first student on those of all four
    assert values["baseline-0"] == pytest.approx(np.mean([agrees[0][wrong[b]].mean() for b in (1, 2, 3)]))
    assert values["at-0"] == pytest.approx(np.mean([agrees[4][wrong[b]].mean() for b in range(4)]))
    (row,) = frame[frame["metric"] == "provenance_auroc"].to_dict("records")
    assert (row["value"], row["n"]) == (1, 8)
    assert row["p_value"] == pytest.approx(1 / 70)  # the best of 8 over 4 choices
    (sentence,) = evaluation.headline(frame)
    assert sentence == (
        "at agrees with the teacher on the errors of the baselines, beyond accuracy, more than independent networks in "
        "100% of all pairs, as a student of the teacher does (p = 0.014, "
        "exact permutation test of 4 students and 4 independent networks)."
    )


def test_networks_that_do_not_follow_it_are_not(evaluated: Run) -> None:
    evaluation, _, frame = evaluated(ModelPool(network(9), networks(4), {"other": networks(4)}))

    (sentence,) = evaluation.headline(frame)

    assert "which chance may explain" in sentence


def test_fewer_than_five_networks_cannot_tell(evaluated: Run) -> None:
    evaluation, _, frame = evaluated(ModelPool(network(9), networks(2), {"at": networks(2)}))

    (row,) = frame[frame["metric"] == "provenance_auroc"].to_dict("records")
    assert np.isnan(row["p_value"])
    (sentence,) = evaluation.headline(frame)
    assert sentence.endswith("cannot tell: 2 students and 2 independent networks are fewer than five networks.")


def test_five_networks_whose_best_p_value_is_high_cannot_tell_either(evaluated: Run) -> None:
    evaluation, _, frame = evaluated(ModelPool(network(9), networks(3), {"at": networks(2)}))

    (sentence,) = evaluation.headline(frame)

    # one of ten choices of two among five
    assert sentence.endswith("cannot tell: 2 students and 3 independent networks cannot give a p-value below 0.10.")


def test_students_of_several_methods_are_also_taken_together(evaluated: Run) -> None:
    evaluation, _, frame = evaluated(ModelPool(network(9), networks(3), {"at": networks(2), "sp": networks(2)}))

    together = frame[frame["part"] == ALL].iloc[0]
    assert (together["value"], together["n"]) == (1, 7)
    assert together["p_value"] == pytest.approx(1 / 35)
    first, *rest = evaluation.headline(frame)
    assert first.startswith("Taken together, the 4 students agree with the teacher")
    assert all("cannot tell" in sentence for sentence in rest)


def test_with_one_baseline_nothing_can_be_told_and_a_note_says_why(evaluated: Run) -> None:
    evaluation, records, frame = evaluated(ModelPool(network(9), network(1), {"at": networks(5)}))

    assert records.notes == (
        "The statistic of baseline is not defined, because it is the only baseline: give several, of other seeds",
    )
    (sentence,) = evaluation.headline(frame)
    assert "cannot tell" in sentence
    assert evaluation.chart(frame).to_dict()


def test_baselines_that_never_err_are_named(data: Dataset, predict_as: Callable) -> None:
    pool = ModelPool(network(9), networks(2), {"at": networks(3)})
    right = np.eye(3)[data.test.labels.numpy()]
    evaluation = EVALUATIONS["provenance"]()

    records = evaluation.measure(
        pool, data, predict_as({member.name: right for member in pool}, data.test.labels.numpy())
    )

    assert records.notes == ("The errors of baseline-0 and baseline-1 cannot be used: there are none",)
    assert "cannot tell" in evaluation.headline(evaluation.summarise(records))[0]


def test_without_a_baseline_or_a_teacher_it_says_what_it_needs(data: Dataset, predict_as: Callable) -> None:
    evaluation = EVALUATIONS["provenance"]()
    students = ModelPool(network(9), students={"at": network(1)})

    assert evaluation.inapplicable(students, data).startswith("needs an independent baseline")
    with pytest.raises(EvaluationError, match="needs an independent baseline"):
        evaluation.measure(students, data, predict_as({}, np.zeros(0)))
    with pytest.raises(EvaluationError, match="needs a teacher"):
        evaluation.measure(ModelPool(baseline=network(1)), data, predict_as({}, np.zeros(0)))


def test_students_of_another_teacher_are_independent_networks_too(evaluated: Run) -> None:
    pool = ModelPool(network(9), networks(2), {"at": networks(3)}, controls={"at": networks(2)})

    _, records, frame = evaluated(pool)

    row = frame[frame["metric"] == "provenance_auroc"].iloc[0]
    assert row["n"] == 7
    assert "3 students and 4 independent networks" in row["interval"]
    assert set(frame[frame["metric"] == "agreement_beyond_accuracy_control"]["method"]) == {"at"}
    assert records.members["role"].tolist().count("control") == 2


def test_many_methods_are_told_in_one_sentence(evaluated: Run) -> None:
    students = {name: networks(3) for name in ("at", "sp", "other", "fourth")}

    evaluation, _, frame = evaluated(ModelPool(network(9), networks(6), students))

    # of three and six networks the lowest p-value is 1/84, which four methods leave below 5 %
    first, second = evaluation.headline(frame)
    assert first.startswith("Taken together, the 12 students")
    assert second.startswith("By method, the share of pairs in which the student agrees with the teacher on the errors")
    assert "more than an independent network: at 100%, sp 100%" in second
    assert "significant after correction for 4 methods (Holm): at, sp." in second
