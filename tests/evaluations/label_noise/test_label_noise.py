import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cleanlab.count import estimate_joint
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, roc_auc_score

from robustkd.data import Clean, Condition, Dataset, ImageSet
from robustkd.data.conditions.class_imbalance import ClassImbalance
from robustkd.data.conditions.label_noise import LabelNoise as Noise
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.label_noise import LabelNoiseOptions
from robustkd.evaluations.label_noise.judged_labels import read_judged_labels
from robustkd.models import Member, ModelPool
from robustkd.results.predictions import Predictions
from robustkd.results.records import Records
from robustkd.statistics.intervals import T_SEEDS, TRAINING_IMAGES

from ...conftest import network

CLASSES = 4
TRAIN, TEST = 2000, 400
HELD_OUT = Noise(rate=0.4, held_out=0.25)


def image_set(count: int) -> ImageSet:
    labels = torch.arange(count) % CLASSES
    return ImageSet(torch.zeros(count, 1, 8, 8, dtype=torch.uint8), labels, tuple("abcd"))


def data_of(condition: Condition) -> Dataset:
    return Dataset("noisy", image_set(TRAIN), image_set(TEST), condition=condition)


def pool_of(condition: str, *students: str, seeds: int = 1) -> ModelPool:
    net = network(0, CLASSES)
    roles = [("baseline", "baseline"), *((name, "student") for name in students)]
    members = [Member(net, role, name, seed, condition) for name, role in roles for seed in range(seeds)]
    return ModelPool(members=[Member(net, "teacher", "teacher", None, condition), *members])


def votes(labels: np.ndarray, sure: float = 5.0) -> np.ndarray:
    return sure * np.eye(CLASSES)[labels]


def predict_as(data: Dataset, train: dict[str, np.ndarray], test: dict[str, np.ndarray] | None = None) -> Callable:
    """Members whose name begins so predict these logits for training images; test images are right by default."""

    def predict(member: Member, images: ImageSet | None = None) -> Predictions:
        labels = (data.test if images is None else images).labels.numpy()
        known = (test or {}) if images is None else train
        logits = known.get(member.method, votes(labels))
        return Predictions(logits.astype(np.float32), labels)

    return predict


def given_labels(data: Dataset) -> np.ndarray:
    """The given labels of all images, including the held-out ones."""
    conditioned = data.trained_on(0)
    given = np.empty(TRAIN, dtype=np.int64)
    given[conditioned.indices] = conditioned.images.labels
    given[conditioned.held_out] = conditioned.held_out_labels
    return given


def outcome(pool: ModelPool, data: Dataset, predict: Callable, **options):
    evaluation = EVALUATIONS["label_noise"](LabelNoiseOptions(**options))
    records = evaluation.measure(pool, data, predict)
    return evaluation, records, evaluation.summarise(records)


def values_of(frame: pd.DataFrame) -> pd.Series:
    return frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


def test_a_network_that_learnt_the_noisy_labels_memorised_all_and_one_that_knows_better_none() -> None:
    data = data_of(Noise(rate=0.4))
    given, true = given_labels(data), data.training.labels.numpy()
    # 600 of the images as neither: two classes on from the given label, or one on if that is the true class
    other = np.where((given + 2) % CLASSES == true, given + 1, given + 2) % CLASSES
    third = np.where(np.arange(TRAIN) < 600, other, given)
    train = {"baseline": votes(given), "at": votes(true), "sp": votes(third)}

    _, _, frame = outcome(pool_of(data.condition.label, "at", "sp"), data, predict_as(data, train))

    values, wrong = values_of(frame), given != true
    assert [values[name, "baseline"] for name in ("memorised", "recovered", "neither", "clean_fit")] == [1, 0, 0, 1]
    assert [values[name, "at"] for name in ("memorised", "recovered", "neither", "clean_fit")] == [0, 1, 0, 1]
    assert values["neither", "sp"] == pytest.approx(wrong[:600].sum() / wrong.sum())
    assert values["clean_fit", "sp"] == pytest.approx((~wrong[600:]).sum() / (~wrong).sum())
    assert values["memorised_difference", "at"] == -1
    assert values["realised_rate", "at"] == pytest.approx(wrong.mean())
    assert values["requested_rate", "at"] == 0.4


def test_shares_and_differences_have_intervals() -> None:
    data = data_of(Noise(rate=0.4))
    given, true = given_labels(data), data.training.labels.numpy()
    mixed = np.where(np.arange(TRAIN) % 3 == 0, given, true)

    _, _, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, {"at": votes(mixed)}))

    rows = frame[frame["level"] == "method"].set_index(["metric", "member"])
    for metric, covers in {"memorised": TRAINING_IMAGES, "memorised_difference": "95% t over training images"}.items():
        row = rows.loc[(metric, "at")]
        assert row["ci_low"] < row["value"] < row["ci_high"]
        assert row["interval"] == covers
        assert row["n"] == (given != true).sum()


def test_the_network_that_memorises_fewest_is_named_with_those_not_distinguishable_from_it() -> None:
    data = data_of(Noise(rate=0.4))
    given, true = given_labels(data), data.training.labels.numpy()
    wrong = np.flatnonzero(given != true)

    def memorising(count: int) -> np.ndarray:
        return votes(np.where(np.isin(np.arange(TRAIN), wrong[:count]), given, true))

    train = {"baseline": memorising(250), "at": memorising(251), "sp": memorising(400)}

    evaluation, _, frame = outcome(pool_of(data.condition.label, "at", "sp", seeds=3), data, predict_as(data, train))

    percent = [f"{100 * count / len(wrong):.1f}%" for count in (250, 251, 400)]
    assert (
        f"Under label noise 40%, baseline ({percent[0]}) memorises the fewest wrong labels, not significantly fewer "
        f"than at ({percent[1]}); significantly more: sp ({percent[2]})."
    ) in evaluation.headline(frame)


def test_networks_that_memorise_as_many_are_not_ranked() -> None:
    data = data_of(Noise(rate=0.4))
    train = {"baseline": votes(given_labels(data)), "at": votes(given_labels(data))}

    evaluation, _, frame = outcome(pool_of(data.condition.label, "at", seeds=3), data, predict_as(data, train))

    assert "no network memorises significantly fewer wrong labels than another" in " ".join(evaluation.headline(frame))


def test_networks_trained_on_all_labels_are_not_audited_and_it_says_so() -> None:
    data = data_of(Noise(rate=0.4))

    evaluation, records, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, {}))

    assert not set(frame["metric"]) & {"audit_auroc", "audit_recall", "estimated_rate", "transition_error"}
    assert "labels audited out of sample" not in {check.name for check in records.checks}
    assert "is not measured" in evaluation.headline(frame)[-1]
    assert "held_out" in evaluation.headline(frame)[-1]


def test_a_network_that_was_trained_on_the_labels_held_out_fails_the_check() -> None:
    data = data_of(HELD_OUT)
    train = {"at": votes(given_labels(data)), "baseline": votes(data.training.labels.numpy())}

    _, records, _ = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, train))

    passed = {check.member: check.passed for check in records.checks if check.name == "labels audited out of sample"}
    assert passed == {"teacher": True, "baseline-0": True, "at-0": False}


def without_voided(frame: pd.DataFrame, records: Records) -> pd.DataFrame:
    """Results with the values absent that a failed check voids."""
    frame = frame.copy()
    for check in records.checks:
        if not check.passed:
            own = frame["method"] == check.member.removesuffix("-0") if check.member else True
            voided = own & frame["metric"].isin(check.metrics)
            frame.loc[voided, ["value", "ci_low", "ci_high", "ties_best"]] = pd.NA
    return frame


def test_inspectors_that_were_trained_on_the_labels_are_not_ranked() -> None:
    data = data_of(HELD_OUT)
    true = data.training.labels.numpy()
    doubtful = votes(true, 3) + np.random.default_rng(0).normal(0, 2, (TRAIN, CLASSES))
    train = {"at": votes(given_labels(data)), "sp": votes(true), "baseline": doubtful}

    evaluation, records, frame = outcome(
        pool_of(data.condition.label, "at", "sp", seeds=3), data, predict_as(data, train)
    )

    told = evaluation.headline(without_voided(frame, records))
    assert told[-1].startswith(
        "Under label noise 40%, 25% held out, the best at finding wrong labels that it never saw"
    )
    assert told[-1].endswith(": sp (100.0% AUROC).")
    assert evaluation.chart(without_voided(frame, records)).to_dict()


def test_where_no_audit_passed_its_check_nothing_is_said_of_the_labels() -> None:
    data = data_of(HELD_OUT)
    contaminated = dict.fromkeys(("teacher", "baseline", "at"), votes(given_labels(data)))

    evaluation, records, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, contaminated))

    told = " ".join(evaluation.headline(without_voided(frame, records)))
    assert "Finding wrong labels is not measured, because no audit passed its check." in told
    assert "all right" not in told
    assert "inspector" not in told
    assert "nan" not in told
    drawn = evaluation.chart(without_voided(frame, records)).to_json()
    assert "NaN" not in drawn
    assert "audit" not in drawn
    assert "estimated by" not in drawn


def test_a_realised_rate_that_is_not_to_be_trusted_makes_no_label_right(monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of(Noise(rate=0.4))
    monkeypatch.setattr(Noise, "expected_rate", lambda self, train: 0.5)

    evaluation, records, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, {}))

    told = evaluation.headline(without_voided(frame, records))
    assert told[0].startswith("Label noise 40%: accuracy")
    assert not any("No training label is known to be wrong" in text for text in told)


def test_a_condition_that_trains_on_what_it_holds_out_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_of(HELD_OUT)
    honest = data.trained_on(0)
    leaking = replace(honest, held_out=honest.indices[:100], held_out_labels=honest.images.labels[:100])
    monkeypatch.setattr(Noise, "apply", lambda self, train, seed: leaking)

    _, records, _ = outcome(pool_of(data.condition.label), data, predict_as(data, {}))

    checks = [check for check in records.checks if check.name == "labels audited out of sample"]
    assert not any(check.passed for check in checks)
    assert "100 of them were used in training" in checks[0].detail


def test_held_out_labels_are_audited() -> None:
    data = data_of(HELD_OUT)
    given, true = given_labels(data), data.training.labels.numpy()
    random = np.random.default_rng(0)
    train = {"at": votes(true, 3) + random.normal(0, 1, (TRAIN, CLASSES)), "baseline": random.normal(0, 1, (TRAIN, 4))}

    evaluation, records, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, train))

    values = values_of(frame)
    held_out = data.trained_on(0).held_out.numpy()
    z = train["at"].astype(np.float32)[held_out]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    quality = p[np.arange(500), given[held_out]]
    assert values["audit_auroc", "at"] == pytest.approx(roc_auc_score((given != true)[held_out], -quality))
    assert values["audit_auroc", "baseline"] < 0.6
    assert values["audit_auroc_gain", "at"] == values["audit_auroc", "at"] - values["audit_auroc", "baseline"]
    assert values["estimated_rate", "at"] == pytest.approx((given != true)[held_out].mean(), abs=0.05)
    assert values["transition_error", "at"] < 0.1 < values["transition_error", "baseline"]
    assert frame[frame["metric"] == "audit_auroc"]["n"].unique().tolist() == [(given != true)[held_out].sum()]
    estimates = frame[frame["metric"].isin(["estimated_rate", "transition_error"])]
    assert (estimates["ci_low"] <= estimates["value"]).all()
    assert (estimates["value"] <= estimates["ci_high"]).all()
    assert (estimates["ci_high"] - estimates["ci_low"]).between(0.001, 0.3).all()
    assert "500 labels audited, of images held out" in records.checks[1].detail
    assert evaluation.headline(frame)[-1].startswith(
        "Under label noise 40%, 25% held out, AUROC at finding wrong labels that it never saw, by networks of "
        "fewer than 3 seeds: baseline "
    )


def test_both_transition_matrices_are_kept_and_drawn_side_by_side() -> None:
    data = data_of(HELD_OUT)
    random = np.random.default_rng(0)
    true = data.training.labels.numpy()
    train = {name: votes(true, 3) + random.normal(0, noise, (TRAIN, 4)) for name, noise in (("at", 1), ("baseline", 3))}

    evaluation, _, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, train))

    held_out = data.trained_on(0).held_out.numpy()
    given = given_labels(data)
    counted = confusion_matrix(true[held_out], given[held_out], normalize="true")
    logits = train["at"].astype(np.float32)[held_out].astype(np.float64)
    joint = estimate_joint(given[held_out], softmax(logits, axis=1))
    rows = frame[frame["level"] == "detail"].set_index(["metric", "member", "part"])["value"]
    for own, label in np.ndindex(4, 4):
        part = f"{'abcd'[own]} → {'abcd'[label]}"
        assert rows["transition_true", "at", part] == pytest.approx(counted[own, label])
        assert rows["transition_estimated", "at", part] == pytest.approx(joint[label, own] / joint[:, own].sum())
    drawn = json.dumps(evaluation.chart(frame).to_dict(), ensure_ascii=False)
    errors = values_of(frame)["transition_error"].drop("teacher").sort_values()
    assert "estimated by teacher (nearest)" in drawn
    assert f"estimated by {errors.index[-1]} (farthest)" in drawn


def test_transition_matrices_of_many_classes_are_not_laid_out() -> None:
    names = tuple(f"class {number}" for number in range(21))
    images = ImageSet(torch.zeros(2100, 1, 8, 8, dtype=torch.uint8), torch.arange(2100) % 21, names)
    data = Dataset("many", images, images, condition=HELD_OUT)
    pool = ModelPool(members=[Member(network(0, 21), "student", "at", 0, HELD_OUT.label)])

    evaluation, records, frame = outcome(pool, data, lambda member, images=None: perfect(data.test))

    assert "audit_auroc" in set(frame["metric"])
    assert not (frame["level"] == "detail").any()
    assert "matrices of 21 classes" in " ".join(records.notes)
    assert evaluation.chart(frame).to_dict()


@pytest.mark.parametrize("draw", ["fixed", "per_seed"])
def test_classes_of_a_single_audited_label_are_noted_and_nothing_warns(draw: str) -> None:
    data = data_of(Noise(rate=0.4, draw=draw))
    pool = pool_of("clean", "at", seeds=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        _, records, _ = outcome(pool, data, predict_as(data, {}), audit_images=6)

    alone = [
        [name for label, name in enumerate("abcd") if list(given).count(label) == 1]
        for given in records.arrays["audit_given"]
    ]
    told = [f"labels of {len(names)} of 4 classes are never flagged" for names in alone]
    assert len({*map(str, alone)}) == (1 if draw == "fixed" else 2)
    for row, inspector in enumerate(records.members["member"]):
        notes = [note for note in records.notes if "flagged" in note]
        own = [note for note in notes if draw == "fixed" or f"{inspector}" in note]
        assert [note[: len(told[row])] for note in own] == ([told[row]] if alone[row] else [])
        assert all(f"only label of a class: {', '.join(alone[row])};" in note for note in own)


@pytest.mark.parametrize(("audited", "few"), [(79, True), (80, False)])
def test_estimates_from_fewer_than_twenty_labels_per_class_are_noted(audited: int, few: bool) -> None:
    data = data_of(Noise(rate=0.4))

    _, records, _ = outcome(data=data, pool=pool_of("clean", "at"), predict=predict_as(data, {}), audit_images=audited)

    assert any(note.startswith(f"{audited} audited labels are few for 4 classes") for note in records.notes) is few


def perfect(images: ImageSet) -> Predictions:
    labels = images.labels.numpy()
    return Predictions((5 * np.eye(images.num_classes)[labels]).astype(np.float32), labels)


def test_memorisation_counts_no_held_out_image() -> None:
    data = data_of(HELD_OUT)
    given = given_labels(data)
    given[data.trained_on(0).held_out] = -1
    logits = np.where(given[:, None] == np.arange(CLASSES), 5.0, 0.0)

    _, _, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, {"at": logits}))

    assert values_of(frame)["memorised", "at"] == values_of(frame)["clean_fit", "at"] == 1


def test_networks_trained_on_clean_labels_audit_them_all_and_the_check_calls_it_an_upper_bound() -> None:
    data = data_of(Noise(rate=0.4))
    pool = pool_of("clean", "at")

    _, records, frame = outcome(pool, data, predict_as(data, {}), audit_images=300)

    assert records.arrays["audit_logits"].shape == (3, 300, CLASSES)
    assert values_of(frame)["audit_auroc", "at"] == 1
    assert "upper bound" in records.checks[1].detail


def pool_with_a_clean_teacher(condition: str) -> ModelPool:
    net = network(0, CLASSES)
    noisy = [Member(net, "baseline", "baseline", 0, condition), Member(net, "student", "at", 0, condition)]
    return ModelPool(members=[Member(net, "teacher", "teacher", None, "clean"), *noisy])


def test_a_clean_teacher_among_noisy_students_is_an_upper_bound_though_labels_were_held_out() -> None:
    data = data_of(HELD_OUT)
    noise = np.random.default_rng(0).normal(0, 3, (TRAIN, CLASSES))
    train = {"teacher": votes(data.training.labels.numpy(), 4) + noise}

    evaluation, records, frame = outcome(pool_with_a_clean_teacher(data.condition.label), data, predict_as(data, train))

    details = {check.member: check.detail for check in records.checks if check.name == "labels audited out of sample"}
    assert "held out" not in details["teacher"]
    assert "upper bound" in details["teacher"]
    assert "held out of training" in details["at-0"]
    told = evaluation.headline(frame.assign(condition=data.condition.label))  # as results are collected
    assert f"({100 * records.arrays['realised'][1]:.1f}% of the labels wrong)" in told[0]
    assert "nan" not in " ".join(told)
    assert "an upper bound from networks trained on the true labels of these images: teacher (" in told[-1]
    assert "at (" not in told[-1]


def test_a_clean_teacher_that_alone_can_audit_is_said_to_be_an_upper_bound() -> None:
    data = data_of(Noise(rate=0.4))

    evaluation, _, frame = outcome(pool_with_a_clean_teacher(data.condition.label), data, predict_as(data, {}))

    frame = frame.assign(condition=data.condition.label)
    told = evaluation.headline(frame)
    assert told[-1] == (
        "Under label noise 40%, an upper bound from networks trained on the true labels of these images: teacher "
        "(100.0% AUROC)."
    )
    assert not any("is not measured" in text for text in told)
    assert "NaN" not in evaluation.chart(frame).to_json()


@pytest.mark.parametrize("condition", [Clean(), Noise(rate=0.0)])
def test_without_wrong_labels_the_rate_is_0_and_the_rest_absent(condition: Condition) -> None:
    data = data_of(condition)

    evaluation, records, frame = outcome(pool_of(condition.label, "at"), data, predict_as(data, {}))

    assert values_of(frame)["realised_rate", "at"] == values_of(frame)["requested_rate", "at"] == 0
    assert not set(frame["metric"]) & {"memorised", "audit_auroc"}
    assert all(check.passed for check in records.checks)
    assert evaluation.chart(frame).to_dict()


def test_conditions_that_make_no_label_wrong_are_left_out_where_others_do() -> None:
    frames = []
    for condition in (Noise(rate=0.2), Noise(rate=0.4), ClassImbalance(gamma=1.0)):
        data = data_of(condition)
        evaluation, records, frame = outcome(pool_of(condition.label, "at"), data, predict_as(data, {}))
        frames.append(frame)

    together = pd.concat(frames, ignore_index=True)

    assert "realised_rate" not in set(frame["metric"])
    assert not records.checks
    assert [text.split(" (")[0] for text in evaluation.headline(together)[:2]] == ["Label noise 20%", "Label noise 40%"]
    assert not any("mbalance" in text for text in evaluation.headline(together))
    assert evaluation.headline(frame)[0].startswith("No training label is known to be wrong")
    assert "imbalance" not in str(evaluation.chart(together).to_dict())


def test_without_training_images_there_is_accuracy_alone() -> None:
    data = replace(data_of(Clean()), train=None)

    evaluation, _, frame = outcome(pool_of("clean", "at"), data, predict_as(data, {}))

    assert set(frame["metric"]) == {"accuracy", "accuracy_gain"}
    assert evaluation.chart(frame).to_dict()


@pytest.mark.parametrize(("expected", "passed"), [(0.5, False), (0.31, True)])
def test_the_realised_rate_must_be_the_expected_one(
    expected: float, passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_of(Noise(rate=0.4))
    monkeypatch.setattr(Noise, "expected_rate", lambda self, train: expected)

    _, records, _ = outcome(pool_of(data.condition.label), data, predict_as(data, {}))

    assert records.checks[0].name == "noise rate as requested"
    assert records.checks[0].passed is passed


def test_requested_and_realised_rate_are_shown_for_labels_of_people_too(tmp_path: Path) -> None:
    labels = image_set(TRAIN).labels.numpy().copy()
    labels[:500] = (labels[:500] + 1) % CLASSES
    np.save(tmp_path / "people.npy", labels)
    data = data_of(Noise(kind="human", labels=str(tmp_path / "people.npy")))

    _, records, frame = outcome(pool_of(data.condition.label), data, predict_as(data, {}))

    assert values_of(frame)["realised_rate", "baseline"] == 0.25
    assert np.isnan(values_of(frame)["requested_rate", "baseline"])
    assert not records.checks


def test_a_draw_per_seed_is_compared_with_the_labels_of_that_seed() -> None:
    data = data_of(Noise(rate=0.4, draw="per_seed"))

    def predict(member: Member, images: ImageSet | None = None) -> Predictions:
        if images is None:
            return Predictions(votes(data.test.labels.numpy()), data.test.labels.numpy())
        return Predictions(votes(data.trained_on(member.seed).images.labels.numpy()), images.labels.numpy())

    _, _, frame = outcome(pool_of(data.condition.label, "at", seeds=3), data, predict)

    networks = frame[frame["level"] == "network"].set_index(["metric", "member"])["value"]
    assert all(networks["memorised"] == 1)
    assert networks["realised_rate"].nunique() > 1
    assert set(frame[frame["metric"] == "accuracy_over_seeds"]["interval"]) == {T_SEEDS}


def test_without_a_baseline_it_says_so() -> None:
    data = data_of(HELD_OUT)
    pool = ModelPool(members=[Member(network(0, CLASSES), "student", "at", 0, data.condition.label)])

    evaluation, _, frame = outcome(pool, data, predict_as(data, {}))

    assert "There is no independent baseline to compare the students with." in evaluation.headline(frame)
    assert "nan" not in " ".join(evaluation.headline(frame))


def test_without_a_baseline_it_says_so_for_clean_labels_too() -> None:
    pool = ModelPool(members=[Member(network(0, CLASSES), "student", "at", 0, "clean")])
    data = data_of(Clean())

    evaluation, _, frame = outcome(pool, data, predict_as(data, {}))

    assert "There is no independent baseline to compare the students with." in evaluation.headline(frame)


def test_a_network_trained_on_clean_labels_memorised_none_of_the_wrong_ones_of_others() -> None:
    data = data_of(Noise(rate=0.4))
    net, noisy = network(0, CLASSES), data.condition.label
    pool = ModelPool(members=[Member(net, "student", "at", 0, noisy), Member(net, "student", "kd", 0, "clean")])

    _, _, frame = outcome(pool, data, predict_as(data, {"at": votes(given_labels(data))}))

    values = values_of(frame)
    assert values["memorised", "at"] == 1
    for metric in ("memorised", "recovered", "neither", "clean_fit", "realised_rate", "requested_rate"):
        assert np.isnan(values[metric, "kd"])


def test_an_audit_of_labels_that_are_all_right_is_not_said_to_be_missing() -> None:
    data = data_of(Noise(rate=0.001, held_out=0.05))
    held_out = data.trained_on(0).held_out
    assert (given_labels(data) == data.training.labels.numpy())[held_out].all()  # of a hundred

    evaluation, _, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, {}))

    told = " ".join(evaluation.headline(frame))
    assert "the audited labels are all right or all wrong" in told
    assert "none were held out" not in told


def judgements(*rows: tuple[int, ...]) -> np.ndarray:
    return np.array(rows, dtype=np.int16)


def test_test_labels_that_people_refuse_are_looked_for(tmp_path: Path) -> None:
    data = data_of(Clean())
    labels = data.test.labels.numpy()
    # votes for given, suggested, neither, both: the first two are refused
    table = judgements((4, 0, 1, 2, 3, 0, 0), (9, 1, 2, 0, 1, 4, 0), (20, 0, 3, 3, 2, 0, 0), (21, 1, 3, 5, 0, 0, 0))
    np.save(tmp_path / "judged.npy", table)
    doubtful = votes(labels)
    doubtful[[4, 20]] = 0  # finds one of the refused, and doubts one of the confirmed as much
    doubtful[9, 1] = 4.9
    test = {"at": doubtful}

    evaluation, _, frame = outcome(
        pool_of("clean", "at"), data, predict_as(data, {}, test), test_errors=str(tmp_path / "judged.npy")
    )

    values = values_of(frame)
    # 4 against 20 a tie, against 21 right; 9 against 20 wrong, against 21 right
    assert values["test_error_auroc", "at"] == pytest.approx(2.5 / 4)
    assert values["test_error_recall", "at"] == 1
    assert values["test_error_auroc", "baseline"] == 0.5
    assert values["test_error_auroc_gain", "at"] == pytest.approx(0.125)
    assert "better than chance at finding wrong test labels that people judged" in evaluation.headline(frame)[-1]
    assert evaluation.chart(frame).to_dict()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (np.zeros((3, 6), dtype=int), "shape"),
        (np.zeros((3, 7)), "whole numbers"),
        (np.array([[400, 0, 1, 2, 3, 0, 0]]), "need the whole test set"),
        (np.array([[3, 0, 1, 2, 3, 0, 0]]), "does not fit"),
        (None, "cannot be read"),
    ],
)
def test_files_that_are_no_judgements_of_this_test_set_are_refused(
    table: np.ndarray | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "judged.npy"
    if table is not None:
        np.save(path, table)

    with pytest.raises(EvaluationError, match=said):
        read_judged_labels(path, image_set(TEST).labels.numpy())


@pytest.mark.parametrize(("name", "judged", "refused"), [("cifar10", 275, 54), ("cifar100", 2235, 585)])
def test_people_refuse_as_many_test_labels_as_published(
    name: str, judged: int, refused: int, human_labels: Path
) -> None:
    path = human_labels / f"{name}_label_errors_mturk.npy"
    table = np.load(path)
    labels = np.zeros(10_000, dtype=np.int64)
    labels[table[:, 0]] = table[:, 1]

    found = read_judged_labels(path, labels)

    assert (found.judged.sum(), found.refused.sum()) == (judged, refused)


def test_inspectors_that_are_no_better_than_chance_are_not_called_the_best() -> None:
    data = data_of(HELD_OUT)
    given, random = given_labels(data), np.random.default_rng(0)
    misled = np.where(np.arange(TRAIN) % 2 == 0, given, random.integers(0, CLASSES, TRAIN))
    train = {"baseline": random.normal(size=(TRAIN, CLASSES)), "at": votes(misled)}

    evaluation, _, frame = outcome(pool_of(data.condition.label, "at"), data, predict_as(data, train))

    told = " ".join(evaluation.headline(frame))
    assert "no network is significantly better than chance at finding wrong labels that it never saw" in told
    assert "best inspectors" not in told
