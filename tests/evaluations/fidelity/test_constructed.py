"""Fidelity of students whose answer is known by construction."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from robustkd.data import Dataset, ImageSet
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.fidelity import FidelityOptions
from robustkd.models import Member, ModelPool
from robustkd.results.predictions import PredictionCache, Predictions
from robustkd.results.records import Records
from robustkd.statistics.significance import mcnemar

from ...conftest import network

IMAGES = 40


def measured(
    pool: ModelPool, data: Dataset, predict: Callable, options: FidelityOptions | None = None
) -> tuple[Records, pd.DataFrame, pd.Series]:
    evaluation = EVALUATIONS["fidelity"](options)
    records = evaluation.measure(pool, data, predict)
    frame = evaluation.summarise(records)
    return records, frame, frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


@pytest.fixture
def labels(data: Dataset) -> np.ndarray:
    return data.test.labels.numpy()


def test_a_student_that_is_its_teacher(
    pool: ModelPool, data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    random = np.random.default_rng(0)
    logits = {member.name: random.normal(0, 1, (IMAGES, 3)) + np.eye(3)[labels] for member in pool}
    logits["at"] = logits["teacher"]

    _, _, values = measured(pool, data, predict_as(logits, labels))

    of_student = values.xs("at", level="member")
    for name in ("agreement", "agreement_right", "agreement_wrong", "same_wrong", "error_consistency"):
        assert of_student[name] == 1, name
    for name in ("kl", "js", "tv"):
        assert of_student[name] == 0, name
    assert of_student["rank_correlation"] == pytest.approx(1)
    assert of_student["js_excess"] == -values["js", "baseline"]


def test_a_student_that_copies_exactly_the_teachers_errors(
    pool: ModelPool, data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    wrong = np.arange(IMAGES) % 4 == 0
    # of the teacher's ten errors the baseline makes five, none with its class
    baseline = np.where(wrong & (np.arange(IMAGES) % 8 == 0), (labels + 2) % 3, labels)
    teacher = np.where(wrong, (labels + 1) % 3, labels)
    logits = {"teacher": teacher, "at": teacher, "sp": labels, "baseline": baseline}

    records, frame, values = measured(
        pool, data, predict_as({name: np.eye(3)[classes] for name, classes in logits.items()}, labels)
    )

    assert [values["agreement_wrong", name] for name in ("at", "sp", "baseline")] == [1, 0, 0]
    assert [values["agreement_right", name] for name in ("at", "sp", "baseline")] == [1, 1, 1]
    assert [values["same_wrong", name] for name in ("at", "baseline")] == [1, 0]
    assert np.isnan(values["same_wrong", "sp"])
    assert "The same wrong class is not defined for sp: never wrong where the teacher is" in records.notes
    row = frame[(frame["metric"] == "agreement_wrong_excess") & (frame["member"] == "at")].iloc[0]
    assert (row["value"], row["n"]) == (1, 10)
    assert row["p_value"] == pytest.approx(mcnemar(np.ones(10, dtype=bool), np.zeros(10, dtype=bool)))
    sentences = EVALUATIONS["fidelity"]().headline(frame)
    assert sentences[2].startswith(
        "Where the teacher is wrong, the at network repeats its class on 100.0% of the images, +100.0 points ["
    )


def test_the_excess_to_a_shuffled_teacher_is_within_chance_of_zero(
    pool: ModelPool, data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    random = np.random.default_rng(2)
    logits = {member.name: random.normal(0, 1, (IMAGES, 3)) + 2 * np.eye(3)[labels] for member in pool}
    logits["teacher"] = random.permutation(logits["teacher"])

    _, frame, _ = measured(pool, data, predict_as(logits, labels))

    for metric in ("agreement_excess", "js_excess", "tv_excess", "kappa_p_excess", "rank_correlation_excess"):
        row = frame[(frame["metric"] == metric) & (frame["member"] == "at")].iloc[0]
        assert row["ci_low"] < 0 < row["ci_high"], metric


def test_a_student_is_compared_with_a_student_of_another_teacher(
    data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    pool = ModelPool(network(0), network(1), {"at": network(2)}, controls={"at": network(3)})
    half = np.where(np.arange(IMAGES) % 2 == 0, labels, (labels + 1) % 3)
    predicted = {"teacher": labels, "baseline": half, "at": labels, "at of another teacher": half}

    _, frame, values = measured(
        pool, data, predict_as({name: np.eye(3)[classes] for name, classes in predicted.items()}, labels)
    )

    assert values["agreement_over_control", "at"] == 0.5
    assert "at of another teacher" not in values["agreement_excess"]
    assert not any("another teacher" in sentence for sentence in EVALUATIONS["fidelity"]().headline(frame))


def test_several_networks_are_one_teacher(data: Dataset) -> None:
    pool = ModelPool([network(0), network(4)], network(1), {"at": network(2)})
    predict = PredictionCache(data)

    _, _, values = measured(pool, data, predict)

    p, q = (np.exp(predict(Member(network(seed), "teacher", "one")).log_probabilities) for seed in (0, 4))
    own = np.exp(predict(pool.members[2]).log_probabilities)
    assert values["tv", "at"] == pytest.approx(np.abs((p + q) / 2 - own).sum(axis=1).mean() / 2, rel=1e-5)


def by_content(answers: dict[str, Callable[[ImageSet], np.ndarray]]) -> Callable:
    """Make members predict classes that depend on the images."""

    def predict(member: Member, images: ImageSet | None = None) -> Predictions:
        assert images is not None
        return Predictions(np.eye(3)[answers[member.name](images)], images.labels.numpy())

    return predict


def test_agreement_on_training_images_and_on_further_sets(pool: ModelPool, data: Dataset, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    train = ImageSet(
        torch.randint(0, 256, (30, 1, 8, 8), dtype=torch.uint8, generator=generator),
        torch.arange(30) % 3,
        data.test.class_names,
    )
    other = torch.randint(0, 256, (12, 1, 8, 8), dtype=torch.uint8, generator=generator)
    np.savez(tmp_path / "other.npz", test_images=other[:, 0].numpy(), test_labels=np.arange(12) % 3)
    name = f"npz:{tmp_path / 'other.npz'}"

    def agrees(images: ImageSet) -> np.ndarray:
        return images.labels.numpy()

    def agrees_in_training(images: ImageSet) -> np.ndarray:
        own = [
            any(torch.equal(image, seen) for seen in train.images) for image in images.read(torch.arange(len(images)))
        ]
        return np.where(own, images.labels.numpy(), (images.labels.numpy() + 1) % 3)

    answers = dict.fromkeys(("teacher", "baseline", "sp"), agrees) | {"at": agrees_in_training}
    predict = by_content(answers)
    whole = replace(data, train=train)

    records, frame, values = measured(
        pool,
        whole,
        lambda member, images=None: predict(member, images or data.test),
        FidelityOptions(train_images=20, sets=(name, "npz:/nowhere.npz")),
    )

    assert records.arrays["agreement_train"].shape == (3, 20)
    assert (values["agreement_train", "at"], values["agreement_train_excess", "at"]) == (1, 0)
    assert values["agreement", "at"] == 0
    rows = frame[(frame["level"] == "detail") & (frame["part"] == name)].set_index(["metric", "member"])["value"]
    assert (rows["agreement", "at"], rows["agreement", "sp"], rows["agreement_excess", "at"]) == (0, 1, -1)
    assert any(note.startswith("Agreement is not measured on a further set: ") for note in records.notes)


def test_other_training_images_are_other_records(data: Dataset) -> None:
    first, second = (
        replace(data, train=ImageSet(data.test.images + shift, data.test.labels, data.test.class_names))
        for shift in (0, 1)
    )
    evaluation = EVALUATIONS["fidelity"]()

    assert evaluation.reads(first) != evaluation.reads(second)
    assert evaluation.reads(data) == ()
    assert EVALUATIONS["fidelity"](FidelityOptions(train_images=0)).reads(first) == ()


def test_groups_of_classes_follow_the_training_images(pool: ModelPool, data: Dataset, labels: np.ndarray) -> None:
    counts = (30, 12, 10)
    train = ImageSet(
        torch.zeros(sum(counts), 1, 8, 8, dtype=torch.uint8),
        torch.repeat_interleave(torch.tensor([1, 0, 2]), torch.tensor(counts)),
        data.test.class_names,
    )
    random = np.random.default_rng(0)
    logits = {member.name: random.normal(0, 1, (IMAGES, 3)).astype(np.float32) for member in pool}

    records, _, values = measured(
        pool,
        replace(data, train=train),
        lambda member, images=None: Predictions(logits[member.name], labels),
        FidelityOptions(train_images=0),
    )

    assert records.notes[0] == (
        "Groups of classes by their number of training images: majority (b); middle (a); minority (c)"
    )
    # within a group of one class there is nothing to diverge
    assert values["kl_across_groups", "at"] == pytest.approx(values["kl", "at"])
    assert values["kl_minority", "at"] == pytest.approx(0, abs=1e-9)


def test_of_three_students_the_most_faithful_is_named_with_its_calibration(
    data: Dataset, predict_as: Callable, labels: np.ndarray
) -> None:
    pool = ModelPool(network(0), network(1), {name: network(2 + i) for i, name in enumerate(("kd", "at", "sp"))})
    sure = 20 * np.eye(3)
    logits = dict.fromkeys(("teacher", "baseline", "kd"), sure[labels])
    logits["at"] = sure[np.where(np.arange(IMAGES) < 10, (labels + 1) % 3, labels)]
    logits["sp"] = sure[np.where(np.arange(IMAGES) < 20, (labels + 1) % 3, labels)]

    _, frame, _ = measured(pool, data, predict_as(logits, labels))

    evaluation = EVALUATIONS["fidelity"]()
    assert evaluation.headline(frame)[-1] == (
        "Of 3 students, kd agrees most with the teacher, and is the best calibrated: its ECE is 0.0% (no test)."
    )
    errors = frame[frame["metric"] == "ece"].set_index("member")["value"]
    assert errors["sp"] == pytest.approx(0.5)
    assert len(evaluation.chart(frame).to_dict()["vconcat"]) == 3


def test_two_classes_have_no_rank_correlation(predict_as: Callable, data: Dataset) -> None:
    labels = np.arange(IMAGES) % 2
    pool = ModelPool(network(0, 2), network(1, 2), {"at": network(2, 2)})
    binary = replace(data, test=ImageSet(data.test.images, torch.from_numpy(labels), ("a", "b")))
    logits = {member.name: np.eye(2)[(labels + (np.arange(IMAGES) % 7 == 0)) % 2] for member in pool}

    records, _, values = measured(pool, binary, predict_as(logits, labels))

    assert "rank_correlation" not in values
    assert "The rank correlation of the wrong classes is left out: it needs three classes or more" in records.notes
    assert values["same_wrong", "at"] == 1  # there is only one wrong class
