from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from imblearn.metrics import geometric_mean_score, sensitivity_specificity_support
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score

from robustkd.data import Clean, Dataset, ImageSet
from robustkd.data.conditions.class_imbalance import ClassImbalance
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.minority import MinorityOptions
from robustkd.evaluations.minority.measures import by_class, prior_pull, rare_and_frequent, recalls_unvaried
from robustkd.evaluations.minority.report import CLASS_METRICS, class_report, class_report_observed
from robustkd.evaluations.minority.training import without_test_image
from robustkd.models import Member, ModelPool
from robustkd.statistics.intervals import HOLM_CLASSES, T_SEEDS, wilson

from ...conftest import network

NAMES = tuple("abcdefgh")
CLASSES = len(NAMES)
KNOWN_BEFOREHAND = ("class_test_share", "class_training_share", "class_rarity")


def image_set(labels: np.ndarray) -> ImageSet:
    return ImageSet(torch.zeros(len(labels), 1, 8, 8, dtype=torch.uint8), torch.from_numpy(labels), NAMES)


@pytest.fixture
def skewed() -> Dataset:
    """Eight classes that get rarer from first to last in training; forty test images of each."""
    train, test = (image_set(np.arange(CLASSES * count) % CLASSES) for count in (200, 40))
    return Dataset("skewed", train, test, condition=ClassImbalance(gamma=1.0))


def of_accuracy(labels: np.ndarray, accuracy: np.ndarray, seed: int = 0) -> np.ndarray:
    """Logits of a network that is right on this share of each class, and says class a otherwise (b for a)."""
    random = np.random.default_rng(seed)
    right = random.random(len(labels)) < accuracy[labels]
    return 4 * np.eye(CLASSES)[np.where(right, labels, np.where(labels == 0, 1, 0))]


def pool_of(condition: str, *students: str, seeds: int = 1) -> ModelPool:
    net = network(0, CLASSES)
    baseline = [Member(net, "baseline", "baseline", seed, condition) for seed in range(seeds)]
    taught = [Member(net, "student", name, seed, condition) for name in students for seed in range(seeds)]
    return ModelPool(members=[Member(net, "teacher", "teacher", None, condition), *baseline, *taught])


def frame_of(pool: ModelPool, data: Dataset, predict: Callable, **options):
    evaluation = EVALUATIONS["minority"](MinorityOptions(**options))
    return evaluation, evaluation.summarise(evaluation.measure(pool, data, predict))


@pytest.fixture
def looked_at(skewed: Dataset, predict_as: Callable) -> tuple[ModelPool, dict[str, np.ndarray], Callable]:
    labels = skewed.test.labels.numpy()
    pool = pool_of(skewed.condition.label, "at", "sp")
    logits = {
        member.name: of_accuracy(labels, np.linspace(0.9, 0.3 + 0.2 * index, CLASSES), index)
        for index, member in enumerate(pool)
    }
    return pool, logits, predict_as(logits, labels)


def test_metrics_are_those_of_scikit_learn_and_imbalanced_learn(skewed: Dataset, looked_at: tuple) -> None:
    pool, logits, predict = looked_at
    labels = skewed.test.labels.numpy()

    _, frame = frame_of(pool, skewed, predict)

    values = frame[frame["level"] == "network"].set_index(["metric", "member"])["value"]
    for name, z in logits.items():
        recalls = recall_score(labels, z.argmax(1), average=None)
        assert values["balanced_accuracy", name] == pytest.approx(balanced_accuracy_score(labels, z.argmax(1)))
        assert values["g_mean", name] == pytest.approx(geometric_mean_score(labels, z.argmax(1)))
        assert values["worst_class_accuracy", name] == pytest.approx(recalls.min())
        assert values["minority_accuracy", name] == pytest.approx(recalls[-3:].mean())
        assert values["majority_accuracy", name] == pytest.approx(recalls[:3].mean())


def test_each_class_has_imbalanced_learns_report(skewed: Dataset, looked_at: tuple) -> None:
    pool, logits, predict = looked_at
    labels, predicted = skewed.test.labels.numpy(), logits["at-0"].argmax(1)

    _, frame = frame_of(pool, skewed, predict)

    rows = frame[(frame["level"] == "class") & (frame["member"] == "at")]
    found = rows.pivot(index="part", columns="metric", values="value")
    sensitivity, specificity, _ = sensitivity_specificity_support(labels, predicted, average=None)
    np.testing.assert_allclose(found["class_recall"], sensitivity)
    np.testing.assert_allclose(found["class_specificity"], specificity)
    np.testing.assert_allclose(
        found["class_precision"], precision_score(labels, predicted, average=None, zero_division=0)
    )
    np.testing.assert_allclose(found["class_f1"], f1_score(labels, predicted, average=None))
    np.testing.assert_allclose(found["class_geometric_mean"], np.sqrt(sensitivity * specificity))
    assert list(found["class_rarity"]) == [1, 1, 1, 0, 0, -1, -1, -1]
    assert (rows[rows["metric"] == "class_recall"]["n"] == 40).all()


def test_a_mean_over_fewer_classes_than_there_are_says_so(skewed: Dataset, predict_as: Callable) -> None:
    present = (skewed.test.labels != 7).nonzero()[:, 0]  # one of the three rare classes has no test image
    data = replace(skewed, test=skewed.test.subset(present))
    pool = pool_of(skewed.condition.label, "at")
    logits = np.eye(8)[data.test.labels.numpy()]

    _, frame = frame_of(pool, data, predict_as({member.name: logits for member in pool}, data.test.labels.numpy()))

    rows = frame[(frame["level"] == "method") & (frame["member"] == "at")].set_index("metric")["interval"]
    assert rows["balanced_accuracy"].endswith(", over 7 of 8 classes")
    assert rows["minority_accuracy"].endswith(", over 2 of 3 classes")
    assert "classes" not in rows["majority_accuracy"]


def test_the_law_of_the_class_sizes_is_printed(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at

    records = EVALUATIONS["minority"]().measure(pool, skewed, predict)

    (law,) = records.notes
    assert law.startswith("Class sizes in training: n_c = 73.6842/(-0.631579 + c^1): 200 ")
    assert all(check.passed for check in records.checks)


def test_a_class_with_far_fewer_images_than_the_law_asks_for_fails_the_check(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at
    few = torch.cat([torch.arange(len(skewed.training))[skewed.training.labels != 1], torch.tensor([1])])
    data = replace(skewed, train=skewed.training.subset(few))

    (check,) = EVALUATIONS["minority"]().measure(pool, data, predict).checks

    assert not check.passed
    assert f"far fewer than the law requires for {skewed.test.class_names[1]}" in check.detail


def test_differences_to_the_baseline_have_their_intervals(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at

    _, frame = frame_of(pool, skewed, predict)

    rows = frame[frame["level"] == "method"].set_index(["metric", "member"])
    for metric, gain in (("minority_accuracy", "minority_gain"), ("balanced_accuracy", "balanced_accuracy_gain")):
        row = rows.loc[(gain, "sp")]
        assert row["value"] == pytest.approx(rows["value"][metric, "sp"] - rows["value"][metric, "baseline"])
        assert row["ci_low"] < row["value"] < row["ci_high"]


def test_classes_are_compared_by_mcnemars_exact_test() -> None:
    labels = np.repeat([0, 1], 20)
    first = np.r_[np.ones(20), np.ones(20)].astype(bool)
    second = np.r_[np.arange(20) < 8, np.arange(20) < 19].astype(bool)

    gains, p_values = by_class(first, second, labels)

    np.testing.assert_allclose(gains, [0.6, 0.05])
    np.testing.assert_allclose(p_values, [binomtest(12, 12).pvalue, 1.0])


def test_the_share_of_significantly_better_classes_is_corrected_for_their_number(
    skewed: Dataset, predict_as: Callable
) -> None:
    labels = skewed.test.labels.numpy()
    pool = pool_of(skewed.condition.label, "at")
    # on class g right 7 times more often: p = 2·0.5^7 = 0.0156, not below 0.05/8; on class h 12 times: p = 0.0005
    worse = np.ones(len(labels), dtype=bool)
    worse[np.flatnonzero(labels == 6)[:7]] = False
    worse[np.flatnonzero(labels == 7)[:12]] = False
    logits = {"teacher": np.eye(CLASSES)[labels], "at-0": np.eye(CLASSES)[labels]}
    logits["baseline-0"] = np.eye(CLASSES)[np.where(worse, labels, 0)]

    _, frame = frame_of(pool, skewed, predict_as(logits, labels))

    rows = frame[frame["level"] == "method"].set_index(["metric", "member"])
    better, worse = rows.loc[("classes_better", "at")], rows.loc[("classes_worse", "at")]
    assert (better["value"], worse["value"]) == (pytest.approx(1 / 8), 0)
    # surely better at one class, surely worse at none: the other seven may be either
    assert (better["ci_low"], better["ci_high"]) == (1 / 8, 1)
    assert (worse["ci_low"], worse["ci_high"]) == (0, 7 / 8)
    assert ("classes_better", "baseline") not in rows.index


def test_the_intervals_of_the_classes_of_several_networks_share_one_level(
    skewed: Dataset, predict_as: Callable
) -> None:
    labels = skewed.test.labels.numpy()
    pool = pool_of(skewed.condition.label, "at", seeds=2)
    # class h right 9 times more often: p = 2·0.5^9 = 0.0039, below 0.05/8 = 0.0063, not below 0.025/8 = 0.0031
    missed = np.flatnonzero(labels == 7)[:9]
    logits = {member.name: np.eye(CLASSES)[labels] for member in pool}
    for seed in range(2):
        logits[f"baseline-{seed}"] = np.eye(CLASSES)[np.where(np.isin(np.arange(len(labels)), missed), 0, labels)]

    _, frame = frame_of(pool, skewed, predict_as(logits, labels))

    better = frame[frame["metric"] == "classes_better"].set_index("member")
    assert set(better["value"]) == {1 / 8}
    assert (better.loc["at-0", "ci_low"], better.loc["at", "ci_low"]) == (1 / 8, 0)
    assert set(better["interval"]) == {HOLM_CLASSES}


def test_there_is_no_pull_to_a_training_prior_that_the_test_set_has_too() -> None:
    training = np.array([5000, 1000, 500])
    labels = np.arange(3).repeat([500, 100, 51])

    found = prior_pull(np.roll(labels, 5), labels, training).statistics(np.ones((1, len(labels))))

    assert np.isnan(found["prior_pull"])


@pytest.mark.parametrize(("follow", "pull"), [("test", 0.0), ("training", 1.0)])
def test_the_pull_is_0_if_predictions_follow_the_test_set_and_1_if_they_follow_training(
    follow: str, pull: float, skewed: Dataset, predict_as: Callable
) -> None:
    labels = skewed.test.labels.numpy()
    prior = skewed.trained_on(0).images.labels.bincount().numpy()
    exact = prior / prior.sum() * len(labels)
    votes = np.repeat(np.arange(CLASSES), np.diff(np.rint(np.r_[0, exact.cumsum()])).astype(int))
    logits = np.eye(CLASSES)[labels if follow == "test" else votes]
    pool = pool_of(skewed.condition.label)

    _, frame = frame_of(pool, skewed, predict_as({member.name: logits for member in pool}, labels))

    values = frame[frame["level"] == "network"].set_index(["metric", "member"])["value"]
    assert values["prior_pull", "baseline-0"] == pytest.approx(pull, abs=0.01)


@given(st.integers(2, 30), st.integers(1, 5), st.integers(0, 1000))
def test_rare_and_frequent_classes_never_overlap(classes: int, chosen: int, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 100, classes)

    rare, frequent = rare_and_frequent(counts, chosen)

    assert not set(rare) & set(frequent)
    assert max(len(rare), len(frequent)) <= chosen
    assert bool(len(rare)) == bool(len(frequent))
    if len(rare):
        assert counts[rare].max() < counts[frequent].min()


@pytest.mark.parametrize(
    ("counts", "rare", "frequent"),
    [
        ([100, 100, 100, 100, 100, 5], [5], [1, 0, 2]),  # nobody of full size is rare
        ([100, 5, 5, 5, 5, 5], [3, 4, 5], [0]),  # nor is one of the smallest frequent
        ([100, 50, 50, 10], [3], [0, 1]),  # classes that tie are not one rare, one frequent
    ],
)
def test_no_class_is_rare_that_has_as_many_images_as_a_frequent_one(
    counts: list[int], rare: list[int], frequent: list[int]
) -> None:
    found = rare_and_frequent(np.array(counts), 3)

    assert [sorted(each) for each in found] == [rare, sorted(frequent)]


def test_a_single_rare_class_is_spoken_of_as_one(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at

    evaluation, frame = frame_of(pool, skewed, predict, classes=1)

    assert "recall of the rarest class against" in evaluation.headline(frame)[0]


def test_of_equally_many_images_the_later_class_is_rarer() -> None:
    rare, frequent = rare_and_frequent(np.array([100, 100, 5, 5, 5]), 2)

    assert sorted(rare) == [3, 4]
    assert sorted(frequent) == [0, 1]


def test_in_a_balanced_training_set_no_class_is_rare(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at

    evaluation, frame = frame_of(pool, replace(skewed, condition=Clean()), predict)

    methods = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    assert np.isnan(methods["minority_accuracy", "at"])
    assert np.isnan(methods["prior_pull", "at"])
    assert methods["balanced_accuracy", "at"] > 0
    assert "balanced accuracy" in evaluation.headline(frame)[0]


def test_without_training_images_it_says_that_nothing_is_known_about_rarity(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at

    evaluation, frame = frame_of(pool, replace(skewed, train=None, condition=Clean()), predict)

    assert "class_training_share" not in set(frame["metric"])
    assert "Without training images" in evaluation.headline(frame)[-1]
    assert evaluation.chart(frame).to_dict()


def test_a_class_that_is_never_predicted_has_recall_0_and_makes_the_g_mean_0(
    skewed: Dataset, predict_as: Callable
) -> None:
    labels = skewed.test.labels.numpy()
    pool = pool_of(skewed.condition.label, "at")
    logits = {member.name: np.eye(CLASSES)[np.where(labels == 7, 0, labels)] for member in pool}

    _, frame = frame_of(pool, skewed, predict_as(logits, labels))

    values = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    assert values["worst_class_accuracy", "at"] == 0
    assert values["g_mean", "at"] == 0
    assert values["minority_accuracy", "at"] == pytest.approx(2 / 3)


def test_recalls_of_none_and_of_all_have_intervals_of_as_many_images() -> None:
    labels = np.array([0, 1, 2]).repeat([10, 40, 50])
    correct = labels == 2

    found = recalls_unvaried(correct, labels, 3, rare=np.array([0, 1]), frequent=np.array([2]))

    # two classes of 10 and 40 images: the variance of the mean is p(1 − p)(1/10 + 1/40)/4, that of p(1 − p)/32
    assert found["minority_accuracy"] == pytest.approx(wilson(0, 32))
    assert found["majority_accuracy"] == pytest.approx(wilson(50, 50))
    assert found["worst_class_accuracy"] == pytest.approx(wilson(0, 10))
    assert found["g_mean"] == pytest.approx((0, (wilson(0, 10).high * wilson(0, 40).high * 1) ** (1 / 3)))


def test_a_rare_class_that_is_never_right_is_not_known_to_be_lost(skewed: Dataset, predict_as: Callable) -> None:
    labels = skewed.test.labels.numpy()
    pool = pool_of(skewed.condition.label, "at")
    logits = {member.name: np.eye(CLASSES)[np.where(labels >= 5, 0, labels)] for member in pool}

    _, frame = frame_of(pool, skewed, predict_as(logits, labels))

    rows = frame[frame["level"] == "method"].set_index(["metric", "member"])
    minority, gain, worst, g_mean = (
        rows.loc[(name, "at")] for name in ("minority_accuracy", "minority_gain", "worst_class_accuracy", "g_mean")
    )
    assert (minority["ci_low"], minority["ci_high"]) == pytest.approx(tuple(wilson(0, 3 * 40)))
    assert (worst["ci_low"], worst["ci_high"]) == pytest.approx(tuple(wilson(0, 40)))
    assert gain["ci_low"] == -gain["ci_high"] == pytest.approx(-wilson(0, 3 * 40).high)
    assert g_mean["ci_low"] == 0 < g_mean["ci_high"] < 1


def test_classes_without_or_with_few_test_images_are_dealt_with(skewed: Dataset, predict_as: Callable) -> None:
    labels = np.r_[np.arange(7).repeat(20)[:-17], []].astype(np.int64)  # three of g, none of h
    data = replace(skewed, test=image_set(labels))
    pool = pool_of(skewed.condition.label, "at")
    logits = {member.name: np.eye(CLASSES)[labels] for member in pool}

    evaluation, frame = frame_of(pool, data, predict_as(logits, labels))

    values = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    assert values["balanced_accuracy", "at"] == values["minority_accuracy", "at"] == 1
    recall = frame[(frame["metric"] == "class_recall") & (frame["member"] == "at")].set_index("part")
    assert recall["n"]["g"] == 3
    assert np.isnan(recall["value"]["h"])
    assert evaluation.chart(frame).to_dict()


def test_the_precision_of_a_class_that_is_never_predicted_is_absent() -> None:
    labels = np.array([0, 0, 1, 1])

    found = class_report(np.array([0, 0, 0, 0]), labels, 3)

    np.testing.assert_allclose(found["pre"], [0.5, np.nan, np.nan])
    np.testing.assert_allclose(found["rec"], [1, 0, np.nan])


@given(st.integers(0, 2**31))
def test_what_is_resampled_of_a_class_is_imbalanced_learns_report(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels, predicted = random.integers(0, 4, 60), random.integers(0, 3, 60)
    often = random.integers(0, 3, 60)

    found = class_report_observed(predicted, labels, 4).statistics(often[None].astype(np.float32))

    expected = class_report(predicted.repeat(often), labels.repeat(often), 4)
    for key in CLASS_METRICS:
        np.testing.assert_allclose([found[f"{key} {label}"][0] for label in range(4)], expected[key], atol=1e-6)


def test_all_that_is_measured_of_a_class_has_an_interval(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at

    _, frame = frame_of(pool, skewed, predict)

    rows = frame[(frame["level"] == "class") & ~frame["metric"].isin(KNOWN_BEFOREHAND)]
    assert ((rows["ci_low"] < rows["value"]) | (rows["value"] == 0)).all()
    assert ((rows["value"] < rows["ci_high"]) | (rows["value"] == 1)).all()


def test_seeds_have_their_own_t_interval(skewed: Dataset, predict_as: Callable) -> None:
    labels = skewed.test.labels.numpy()
    pool = pool_of(skewed.condition.label, "at", seeds=3)
    logits = {member.name: of_accuracy(labels, np.full(CLASSES, 0.6), i) for i, member in enumerate(pool)}

    _, frame = frame_of(pool, skewed, predict_as(logits, labels))

    rows = frame[frame["metric"] == "balanced_accuracy_over_seeds"]
    assert set(rows["interval"]) == {T_SEEDS}
    assert set(rows["member"]) == {"baseline", "at"}


def test_several_conditions_are_reported_one_by_one(skewed: Dataset, looked_at: tuple) -> None:
    pool, _, predict = looked_at
    frames = []
    for condition in (ClassImbalance(gamma=0.2), ClassImbalance(gamma=1.0)):
        members = [replace(member, condition=condition.label) for member in pool]
        evaluation, frame = frame_of(ModelPool(members=members), replace(skewed, condition=condition), predict)
        frames.append(frame)
    together = pd.concat(frames, ignore_index=True)

    sentences = evaluation.headline(together)

    assert [sentence.split(":")[0] for sentence in sentences] == ["Imbalance γ=0.2", "Imbalance γ=1"]
    assert all("recall of the 3 rarest classes against the independent baseline" in text for text in sentences)
    assert len(evaluation.chart(together).to_dict()["vconcat"]) == 2


def test_without_a_baseline_it_says_so(skewed: Dataset, predict_as: Callable) -> None:
    labels = skewed.test.labels.numpy()
    pool = ModelPool(students={"at": network(0, CLASSES)})

    evaluation, frame = frame_of(pool, skewed, predict_as({"at": np.eye(CLASSES)[labels]}, labels))

    assert "classes_better" not in set(frame["metric"])
    assert evaluation.headline(frame)[-1] == "There is no independent baseline to compare the students with."


def test_five_images_of_the_rare_classes_are_too_few_for_a_verdict(skewed: Dataset, predict_as: Callable) -> None:
    labels = skewed.test.labels.numpy()
    pool = pool_of(skewed.condition.label, "at")
    logits = {member.name: np.eye(CLASSES)[labels] for member in pool}
    missed = np.isin(np.arange(len(labels)), np.flatnonzero(labels == 7)[:5])
    logits["baseline-0"] = np.eye(CLASSES)[np.where(missed, 0, labels)]

    evaluation, frame = frame_of(pool, skewed, predict_as(logits, labels))

    gain = frame[frame["metric"] == "minority_gain"].iloc[0]
    assert gain["ci_low"] <= 0 < gain["value"]
    assert gain["n"] == 3 * 40
    assert "better" not in evaluation.headline(frame)[0]


@pytest.mark.parametrize(
    "condition",
    [
        ClassImbalance("power_law", 1.0),
        ClassImbalance("power_law_rising", 1.0),
        *map(ClassImbalance, ("exponential", "step")),
    ],
    ids=lambda condition: condition.law,
)
def test_networks_trained_under_any_law_are_measured_and_the_law_is_reported(
    condition: ClassImbalance, skewed: Dataset, predict_as: Callable
) -> None:
    labels = skewed.test.labels.numpy()
    pool = pool_of(condition.label, "at")
    logits = {member.name: np.eye(CLASSES)[labels] for member in pool}

    records = EVALUATIONS["minority"]().measure(pool, replace(skewed, condition=condition), predict_as(logits, labels))

    assert records.notes == (f"Class sizes in training: {condition.description(skewed.training)}",)


def test_a_teacher_of_the_whole_set_has_no_rare_classes_and_hides_none_of_its_students(
    skewed: Dataset, looked_at: tuple
) -> None:
    pool, _, predict = looked_at
    members = [replace(member, condition="clean") if member.role == "teacher" else member for member in pool]

    evaluation, frame = frame_of(ModelPool(members=members), skewed, predict)

    rows = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    assert np.isnan(rows["minority_accuracy", "teacher"])
    assert rows["minority_accuracy", "at"] > 0
    assert "recall of the 3 rarest classes" in evaluation.headline(frame)[0]
    assert evaluation.chart(frame).to_dict()


def test_classes_without_a_test_image_are_named() -> None:
    labels, names = np.array([0, 2, 2]), ("ant", "bee", "cat", "dog")

    assert without_test_image(labels, names) == (
        "Means over classes leave out 2 of 4 classes, which have no test image: bee, dog",
    )
    assert without_test_image(np.arange(4), names) == ()
