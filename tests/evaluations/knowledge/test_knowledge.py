from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Dataset
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.knowledge.classes import class_changes
from robustkd.evaluations.knowledge.modal import NONE, changed_images, modal
from robustkd.evaluations.knowledge.options import KnowledgeOptions
from robustkd.evaluations.knowledge.parts import PARTS, parts_of
from robustkd.models import ModelPool
from robustkd.results.records import Records
from robustkd.statistics.significance import mcnemar

from ...conftest import members, network

IMAGES = 40


@pytest.fixture
def labels(data: Dataset) -> np.ndarray:
    return data.test.labels.numpy()


def measured(
    pool: ModelPool, data: Dataset, predict_as: Callable, predicted: dict[str, np.ndarray]
) -> tuple[Records, pd.DataFrame, pd.Series]:
    logits = {name: np.eye(3)[classes] for name, classes in predicted.items()}
    evaluation = EVALUATIONS["knowledge"](KnowledgeOptions(shown=3))
    records = evaluation.measure(pool, data, predict_as(logits, data.test.labels.numpy()))
    frame = evaluation.summarise(records)
    return records, frame, frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


@given(st.integers(0, 2**31), st.integers(2, 5))
def test_every_image_belongs_to_one_part(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    teacher, labels = random.integers(0, classes, (2, 30))

    parts = parts_of(teacher, random.integers(0, classes, (3, 30)), labels)

    assert (np.stack([parts[name] for name in PARTS]).sum(axis=0) == 1).all()


def test_the_parts_of_five_images_by_hand() -> None:
    labels, teacher = np.array([0, 0, 0, 0, 0]), np.array([0, 0, 1, 1, 1])
    network = np.array([[0, 2, 1, 0, 2]])

    parts = parts_of(teacher, network, labels)

    assert [name for image in range(5) for name in PARTS if parts[name][0, image]] == [
        "retained",
        "lost",
        "inherited",
        "new_right",
        "new_wrong",
    ]


def test_a_student_that_copies_the_teachers_errors_inherits_them_all(
    pool: ModelPool, data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    errors = np.arange(IMAGES) % 4 == 0
    teacher = np.where(errors, (labels + 1) % 3, labels)
    baseline = np.where(np.roll(errors, 1), (labels + 1) % 3, labels)
    predicted = {"teacher": teacher, "at": teacher, "sp": labels, "baseline": baseline}

    records, frame, values = measured(pool, data, predict_as, predicted)

    shares = {name: [values[part, name] for part in PARTS] for name in ("at", "sp", "baseline")}
    assert shares["at"] == [0.75, 0, 0.25, 0, 0]
    assert shares["sp"] == [0.75, 0.25, 0, 0, 0]
    # its ten errors are on images that the teacher gets right
    assert shares["baseline"] == [0.5, 0.25, 0, 0, 0.25]
    assert values["inherited_difference", "at"] == 0.25
    assert values["net_flips", "at"] == 0
    assert values["net_flips", "sp"] == 0.25
    row = frame[(frame["metric"] == "net_flips") & (frame["member"] == "sp")].iloc[0]
    assert row["p_value"] == pytest.approx(mcnemar(labels == labels, teacher == labels))
    evaluation = EVALUATIONS["knowledge"]()
    assert evaluation.headline(frame)[0].startswith(
        "The at network repeats an error of the teacher on 25.0% of the test images, +25.0 points ["
    )
    assert evaluation.chart(frame).to_dict()
    (picture,) = evaluation.pictures(records)
    (row,) = picture.rows
    assert row.label == "wrong with the teacher"
    assert [tile.text for tile in row.tiles if tile] == ["a (T b)\nat: b", "b (T c)\nat: c", "c (T a)\nat: a"]
    np.testing.assert_array_equal(row.tiles[1].pixels, data.test.images[4, 0].numpy())


def test_a_shuffled_teacher_passes_on_no_more_errors_to_a_student_than_to_the_baseline(
    pool: ModelPool, data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    random = np.random.default_rng(0)
    drawn = {name: np.where(random.random(IMAGES) < 0.6, labels, random.integers(0, 3, IMAGES)) for name in "ab"}
    predicted = {"teacher": random.permutation(labels), "at": drawn["a"], "sp": drawn["a"], "baseline": drawn["b"]}

    _, frame, _ = measured(pool, data, predict_as, predicted)

    row = frame[(frame["metric"] == "inherited_difference") & (frame["member"] == "at")].iloc[0]
    assert row["ci_low"] < 0 < row["ci_high"]


@given(st.integers(0, 2**31), st.integers(3, 6))
def test_the_modal_prediction_is_that_of_a_count(seed: int, seeds: int) -> None:
    predicted = np.random.default_rng(seed).integers(0, 4, (seeds, 25))

    found = modal(predicted)

    for image in range(25):
        counts = np.bincount(predicted[:, image], minlength=4)
        top = np.flatnonzero(counts == counts.max())
        assert found.classes[image] == (top[0] if len(top) == 1 else NONE)
        assert found.votes[image] == counts.max()


def test_forgotten_images_are_those_whose_majority_turns_wrong() -> None:
    pool = members(
        *(("baseline", "baseline", "net", s) for s in range(3)), *(("student", "at", "net", s) for s in range(3))
    )
    labels = np.zeros(5, dtype=np.int64)
    baseline = np.array([[0, 0, 1, 1, 0], [0, 0, 1, 1, 0], [1, 0, 0, 2, 0]])
    student = np.array([[1, 0, 0, 2, 1], [1, 0, 0, 2, 2], [0, 1, 0, 2, 0]])

    (found,) = changed_images(pool, np.concatenate([baseline, student]), labels)

    # the fourth is wrong on both sides; on the fifth the student has no majority
    assert found.forgotten.tolist() == [True, False, False, False, False]
    assert found.gained.tolist() == [False, False, True, False, False]


def test_two_seeds_have_no_modal_predictions(data: Dataset, predict_as: Callable, labels: np.ndarray) -> None:
    pool = ModelPool(network(0), [network(1), network(2)], {"at": [network(3), network(4)]})

    records, _, values = measured(pool, data, predict_as, {member.name: labels for member in pool})

    assert "forgotten" not in values
    assert records.notes == (
        "Images forgotten and gained are left out: they need three seeds of a student and of its baseline",
    )


def test_forgotten_images_are_shown_with_their_votes(data: Dataset, predict_as: Callable, labels: np.ndarray) -> None:
    pool = ModelPool(network(0), [network(s) for s in (1, 2, 3)], {"at": [network(s) for s in (4, 5, 6)]})
    predicted = {member.name: labels.copy() for member in pool}
    for seed in range(3):
        predicted[f"at-{seed}"][[7, 12]] = (labels[[7, 12]] + 1) % 3
    predicted["at-0"][7] = labels[7]

    records, frame, values = measured(pool, data, predict_as, predicted)

    assert values["forgotten", "at"] == 2 / IMAGES
    assert values["gained", "at"] == 0
    (picture,) = EVALUATIONS["knowledge"]().pictures(records)
    # the image on which all six networks agree with their side comes first
    assert [tile.text for tile in picture.rows[0].tiles if tile] == ["a\nat: b 3/3", "b\nat: c 2/3"]
    np.testing.assert_array_equal(picture.rows[0].tiles[0].pixels, data.test.images[12, 0].numpy())
    assert "Of the test images, by the majority of seeds: at forgets 5.0% and gains 0.0%." in EVALUATIONS[
        "knowledge"
    ]().headline(frame)


def test_a_class_has_changed_if_the_paired_test_says_so_after_correction() -> None:
    pool = members(("baseline", "baseline", "net", None), ("student", "at", "net", None))
    labels = np.repeat([0, 1, 2], [30, 30, 1])
    baseline, student = labels.copy(), labels.copy()
    student[:10] = 1  # ten of thirty images of the first class are lost: McNemar's p is 2/1024
    student[30:33] = 0  # three of thirty of the second: p = 1/4

    (found,) = class_changes(pool, np.stack([baseline, student]), labels)

    assert found.classes.tolist() == [0, 1]  # a class of one image is not compared
    assert found.signs.tolist() == [-1, 0]
    assert found.share == 0.5
    assert [test.p_value for test in found.tests if test] == pytest.approx([2 / 1024, 2 / 8])
    np.testing.assert_allclose(found.gains, [-1 / 3, -0.1])


def test_without_a_teacher_classes_are_compared_with_the_baseline(
    data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    pool = ModelPool(baseline=network(0), students={"at": network(1)})

    records, frame, values = measured(pool, data, predict_as, {"baseline": labels, "at": np.zeros_like(labels)})

    # the first class keeps its accuracy, the other two lose it
    assert values["changed_classes", "at"] == pytest.approx(2 / 3)
    assert records.notes[0] == "What was retained, lost and inherited is left out: it needs a teacher"
    assert EVALUATIONS["knowledge"]().headline(frame) == [
        "Classes whose accuracy differs significantly from the baseline's, of those tested: at: 2 of 3, "
        "b (−100.0 points), c (−100.0 points)."
    ]
    assert EVALUATIONS["knowledge"]().chart(frame).to_dict()
    assert EVALUATIONS["knowledge"]().pictures(records) == ()


def test_without_a_baseline_the_parts_are_measured_and_nothing_is_concluded(
    data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    pool = ModelPool(network(0), students={"at": network(1)})

    records, frame, values = measured(pool, data, predict_as, {"teacher": labels, "at": labels})

    assert values["retained", "at"] == 1
    assert records.notes == ("Changed classes, and images forgotten and gained, are left out: they need a baseline",)
    (sentence,) = EVALUATIONS["knowledge"]().headline(frame)
    assert "without an independent baseline" in sentence


def test_a_pool_with_nothing_to_compare_with_is_refused(data: Dataset, predict_as: Callable) -> None:
    with pytest.raises(EvaluationError, match="a teacher or an independent baseline"):
        EVALUATIONS["knowledge"]().measure(ModelPool(students={"at": network(1)}), data, predict_as({}, np.zeros(0)))
    with pytest.raises(EvaluationError, match="besides the teacher"):
        EVALUATIONS["knowledge"]().measure(ModelPool(network(1)), data, predict_as({}, np.zeros(0)))
