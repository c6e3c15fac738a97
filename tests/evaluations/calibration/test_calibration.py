from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from robustkd.data import Dataset, ImageSet
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.calibration import CalibrationOptions
from robustkd.evaluations.calibration.notes import error_by_chance
from robustkd.evaluations.calibration.temperature import fitted_temperature
from robustkd.models import Member, ModelPool

from ...conftest import network

IMAGES = 400


@pytest.fixture
def many() -> Dataset:
    """Four hundred images of three classes."""
    images = torch.zeros(IMAGES, 1, 8, 8, dtype=torch.uint8)
    return Dataset("many", None, ImageSet(images, torch.arange(IMAGES) % 3, ("a", "b", "c")))


def some_logits(scale: float = 2.0, seed: int = 0, images: int = IMAGES) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (scale * (random.normal(0, 1, (images, 3)) + 1.5 * np.eye(3)[np.arange(images) % 3])).astype(np.float32)


def frame_of(pool: ModelPool, data: Dataset, predict: Callable, **options):
    evaluation = EVALUATIONS["calibration"](CalibrationOptions(**options))
    return evaluation, evaluation.summarise(evaluation.measure(pool, data, predict))


def test_metrics_are_those_of_scikit_learn_and_torchmetrics(
    pool: ModelPool, many: Dataset, predict_as: Callable
) -> None:
    labels = many.test.labels.numpy()
    logits = {member.name: some_logits(1 + index, index) for index, member in enumerate(pool)}

    _, frame = frame_of(pool, many, predict_as(logits, labels))

    values = frame[frame["level"] == "network"].set_index(["metric", "member"])["value"]
    for name, z in logits.items():
        p = softmax(z.astype(float), axis=1)
        ece = multiclass_calibration_error(torch.from_numpy(p), many.test.labels, num_classes=3, n_bins=10)
        assert values["ece", name] == pytest.approx(float(ece), abs=1e-6)
        assert values["nll", name] == pytest.approx(log_loss(labels, p), abs=1e-6)
        assert values["brier", name] == pytest.approx(brier_score_loss(labels, p, scale_by_half=False), abs=1e-6)
        assert values["confidence_gap", name] == pytest.approx(p.max(1).mean() - (p.argmax(1) == labels).mean())


def test_the_bins_of_the_reliability_diagram_are_those_of_scikit_learn(
    pool: ModelPool, many: Dataset, predict_as: Callable
) -> None:
    labels, z = many.test.labels.numpy(), some_logits()

    _, frame = frame_of(pool, many, predict_as({member.name: z for member in pool}, labels))

    p = softmax(z.astype(float), axis=1)
    accuracy, confidence = calibration_curve(p.argmax(1) == labels, p.max(1), n_bins=10)
    bins = frame[(frame["level"] == "bin") & (frame["member"] == "at")].pivot(
        index="part", columns="metric", values="value"
    )
    np.testing.assert_allclose(bins["bin_accuracy"].dropna(), accuracy)
    np.testing.assert_allclose(bins["bin_confidence"].dropna(), confidence)
    assert bins["bin_share"].sum() == pytest.approx(1)
    assert len(bins) == 10


def test_a_temperature_corrects_logits_that_are_too_large(pool: ModelPool, many: Dataset, predict_as: Callable) -> None:
    logits = {member.name: some_logits(1.0) for member in pool} | {"at": some_logits(6.0)}

    _, frame = frame_of(pool, many, predict_as(logits, many.test.labels.numpy()))

    rows = frame[frame["level"] == "method"].set_index(["metric", "member"])
    value = rows["value"]
    assert value["temperature", "at"] == pytest.approx(6 * value["temperature", "sp"], rel=1e-4)
    assert value["ece_after", "at"] == pytest.approx(value["ece_after", "sp"], abs=1e-5)
    assert value["ece", "at"] > value["ece", "sp"]
    low, high = rows.loc[("temperature", "at"), ["ci_low", "ci_high"]]
    assert low < value["temperature", "at"] < high


def test_the_interval_of_the_temperature_is_that_of_refitting(
    pool: ModelPool, many: Dataset, predict_as: Callable
) -> None:
    z, labels = some_logits(2.0), many.test.labels.numpy()

    evaluation = EVALUATIONS["calibration"]()
    records = evaluation.measure(pool, many, predict_as({member.name: z for member in pool}, labels))
    row = evaluation.summarise(records).set_index(["level", "metric", "member"]).loc[("method", "temperature", "at")]

    fitted, random = np.flatnonzero(records.arrays["fitted"]), np.random.default_rng(1)
    drawn = [random.choice(fitted, len(fitted)) for _ in range(300)]
    expected = np.quantile([fitted_temperature(z[chosen], labels[chosen]) for chosen in drawn], [0.025, 0.975])
    np.testing.assert_allclose([row["ci_low"], row["ci_high"]], expected, rtol=0.04)


def test_half_of_the_images_are_fitted_on_and_the_other_half_scored(
    pool: ModelPool, many: Dataset, predict_as: Callable
) -> None:
    logits = {member.name: some_logits() for member in pool}

    _, frame = frame_of(pool, many, predict_as(logits, many.test.labels.numpy()))

    counts = frame[frame["level"] == "method"].groupby("metric")["n"].first()
    assert counts["temperature"] == counts["ece_after"] == counts["nll_after"] == 200
    assert counts["ece"] == 400


def test_differences_to_the_baseline_are_paired(pool: ModelPool, many: Dataset, predict_as: Callable) -> None:
    logits = {member.name: some_logits(3.0) for member in pool}

    evaluation, frame = frame_of(pool, many, predict_as(logits, many.test.labels.numpy()))

    row = frame.set_index(["metric", "member"]).loc[("ece_difference", "at")]
    unsure = 1.959964**2 / (400 + 1.959964**2)  # Wilson's upper end of no image in 400 that tells them apart
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx((0, -unsure, unsure), abs=1e-6)
    assert "no significant difference" in evaluation.headline(frame)[0]


@pytest.mark.parametrize(("scale", "word"), [(6.0, "overconfident"), (0.2, "underconfident")])
def test_the_headline_says_which_networks_are_overconfident_or_underconfident(
    scale: float, word: str, pool: ModelPool, many: Dataset, predict_as: Callable
) -> None:
    logits = {member.name: some_logits(scale) for member in pool}

    evaluation, frame = frame_of(pool, many, predict_as(logits, many.test.labels.numpy()))

    assert evaluation.headline(frame)[-1] == f"All networks are {word}."


def test_a_network_that_is_always_right_has_no_temperature_but_a_calibration_error(
    data: Dataset, predict_as: Callable
) -> None:
    labels = data.test.labels.numpy()
    pool = ModelPool(students={"at": network(0)})

    evaluation, frame = frame_of(pool, data, predict_as({"at": np.eye(3)[labels] * 5}, labels))

    values = frame[frame["level"] == "method"].set_index("metric")["value"]
    assert np.isnan(values["temperature"])
    assert values["ece"] == pytest.approx(1 - np.exp(5) / (np.exp(5) + 2), abs=1e-6)
    assert np.isnan(values["ece_after"])
    assert np.isnan(values["nll_after"])
    assert "no independent baseline" in evaluation.headline(frame)[0]


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_the_size_of_the_logits_makes_no_difference_after_scaling(
    scale: float, many: Dataset, predict_as: Callable
) -> None:
    pool, labels = ModelPool(students={"at": network(0), "sp": network(1)}), many.test.labels.numpy()
    logits = {"at": some_logits(1.0), "sp": some_logits(1.0) * np.float32(scale)}

    _, frame = frame_of(pool, many, predict_as(logits, labels))

    values = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    for metric in ("nll_after", "ece_after"):
        assert values[metric, "sp"] == pytest.approx(values[metric, "at"], rel=1e-3)
    assert values["temperature", "sp"] == pytest.approx(scale * values["temperature", "at"], rel=1e-3)


def test_a_temperature_that_is_missing_or_makes_matters_worse_is_said(data: Dataset, predict_as: Callable) -> None:
    labels = data.test.labels.numpy()
    pool = ModelPool(students={"right": network(0), "noise": network(1)})
    noise = np.random.default_rng(3).normal(0, 0.1, (len(labels), 3))

    evaluation = EVALUATIONS["calibration"]()
    found = predict_as({"right": np.eye(3)[labels] * 5, "noise": noise}, labels)
    records = evaluation.measure(pool, data, found)

    assert records.notes[1].startswith(
        "right has no fitted temperature, because no temperature makes the labels of 20 images most likely"
    )
    after = records.arrays["nll_after"][1].mean()
    before = records.arrays["nll"][1][~records.arrays["fitted"]].mean()
    assert after > before  # forty images of noise
    assert records.notes[2] == (
        f"The temperature of noise, fitted on 20 images, makes the NLL of the others larger, {after:.3f} instead of "
        f"{before:.3f} nats"
    )


def test_a_single_image_can_be_looked_at(data: Dataset, predict_as: Callable) -> None:
    pool = ModelPool(students={"at": network(0)})

    evaluation, frame = frame_of(pool, data, predict_as({"at": np.array([[2.0, 0, 0]])}, np.array([0])))

    assert "temperature" not in set(frame["metric"])
    assert evaluation.chart(frame).to_dict()


def test_the_intervals_of_calibration_errors_undo_the_bias_of_resampling_and_say_so(
    pool: ModelPool, many: Dataset, predict_as: Callable
) -> None:
    """A network that is right as often as it says: its resamples are all further off than it is."""
    labels, random = many.test.labels.numpy(), np.random.default_rng(0)
    logits = {}
    for member in pool:
        scores = random.normal(size=(len(labels), 3))
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        drawn = (p.cumsum(axis=1) > random.random((len(labels), 1))).argmax(axis=1)
        shift = (labels - drawn) % 3
        logits[member.name] = np.stack([np.roll(row, by) for row, by in zip(scores, shift, strict=True)])

    evaluation = EVALUATIONS["calibration"]()
    frame = evaluation.summarise(evaluation.measure(pool, many, predict_as(logits, labels)))

    rows = frame[frame["metric"].isin(["ece", "ece_equal_mass", "ece_after"])]
    assert ((rows["ci_low"] <= rows["value"]) & (rows["value"] <= rows["ci_high"])).all()
    assert (rows["ci_low"] >= 0).all()
    assert set(rows["interval"]) == {"95% basic bootstrap over test images"}


def test_a_network_that_is_right_on_every_image_is_not_called_underconfident_for_being_unsure_by_as_little_as_that(
    data: Dataset, predict_as: Callable
) -> None:
    labels = data.test.labels.numpy()
    pool = ModelPool(students={"at": network(0), "sp": network(1)})
    logits = {"at": np.eye(3)[labels] * 20, "sp": np.eye(3)[labels]}  # sure to 1 − 4e-9, and to 58 %

    evaluation, frame = frame_of(pool, data, predict_as(logits, labels))

    gap = frame[(frame["metric"] == "confidence_gap") & (frame["level"] == "method")].set_index("member")
    assert gap.loc["at", "ci_low"] < 0 < gap.loc["at", "ci_high"]
    assert evaluation.headline(frame)[-1] == "Underconfident: sp."


def test_one_image_makes_nobody_over_or_underconfident(data: Dataset, predict_as: Callable) -> None:
    pool = ModelPool(students={"at": network(0), "sp": network(1)})
    logits = {"at": np.array([[2.0, 0, 0]]), "sp": np.array([[0.0, 2, 0]])}

    evaluation, frame = frame_of(pool, data, predict_as(logits, np.array([0])))

    assert evaluation.headline(frame)[-1] == "No network is significantly over- or underconfident."


def test_what_is_in_a_bin_has_an_interval_over_images_and_not_over_seeds(many: Dataset, predict_as: Callable) -> None:
    """Two networks that answer alike know no more of a bin than one."""
    labels = many.test.labels.numpy()
    member = [Member(network(0), "student", "at", seed) for seed in range(2)]
    logits = {each.name: some_logits() for each in member}

    _, twice = frame_of(ModelPool(members=member), many, predict_as(logits, labels))
    _, once = frame_of(ModelPool(members=member[:1]), many, predict_as({member[0].name: some_logits()}, labels))

    rows = twice[twice["level"] == "bin"]
    filled = rows[rows["n"] > 0]
    assert ((filled["ci_low"] <= filled["value"]) & (filled["value"] < filled["ci_high"])).all()
    for column in ("value", "ci_low", "ci_high"):
        np.testing.assert_allclose(rows[column], once[once["level"] == "bin"][column])


def test_the_error_by_chance_is_that_of_networks_that_are_as_often_right_as_they_say() -> None:
    """20,000 draws of a network that says 0.75 or 0.55 and is right as often."""
    random, confidence = np.random.default_rng(0), np.repeat([0.75, 0.55], [80, 40])
    right = random.random((20_000, 120)) < confidence
    drawn = np.abs(right[:, :80].mean(axis=1) - 0.75) * 80 / 120 + np.abs(right[:, 80:].mean(axis=1) - 0.55) * 40 / 120

    assert error_by_chance(confidence, 10) == pytest.approx(drawn.mean(), rel=0.03)


@pytest.mark.parametrize(("images", "noted"), [(499, True), (500, False)])
def test_few_images_per_bin_have_a_note_on_the_error_by_chance(
    images: int, noted: bool, data: Dataset, predict_as: Callable
) -> None:
    labels = np.arange(images) % 3
    pool = ModelPool(students={"at": network(0)})

    records = EVALUATIONS["calibration"]().measure(pool, data, predict_as({"at": some_logits(images=images)}, labels))

    assert any(note.startswith(f"{images} images are few for 10 bins") for note in records.notes) is noted
