"""Networks trained on real images with labels that people really got wrong, and with really rare classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from robustkd.data import Condition, Dataset, load_dataset
from robustkd.data.conditions.class_imbalance import ClassImbalance
from robustkd.data.conditions.label_noise import LabelNoise
from robustkd.distillation import METHODS, Recipe, train
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.label_noise import LabelNoiseOptions
from robustkd.models import Member, ModelPool, PixelModel, create_model
from robustkd.results.predictions import PredictionCache

IMAGES = 4_000

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def some_images(data_root: Path) -> Dataset:
    """The first training images, and all test images."""
    whole = load_dataset("cifar10", data_root)
    return replace(whole, train=whole.training.subset(torch.arange(IMAGES)))


def trained_under(condition: Condition, data: Dataset, epochs: int) -> tuple[ModelPool, Dataset]:
    """A teacher, a baseline and a student, all trained on the same conditioned images."""
    data = replace(data, condition=condition)
    # the trainer gets the result of the condition as a separate set
    seen = Dataset("seen", data.trained_on(0).images, data.test.subset(torch.arange(100)), data.augmentation)
    recipe = Recipe(epochs=epochs, milestones=(epochs - 2,), batch_size=64, learning_rate=0.05)
    teacher, baseline, student = (network(seed) for seed in range(3))
    train(METHODS["baseline"](teacher), seen, recipe, seed=0)
    train(METHODS["baseline"](baseline), seen, recipe, seed=1)
    train(METHODS["hinton"](student, teacher), seen, recipe, seed=2)
    named = ((teacher, "teacher", "teacher"), (baseline, "baseline", "baseline"), (student, "student", "hinton"))
    return ModelPool(members=[Member(model, role, name, 0, condition.label) for model, role, name in named]), data


def network(seed: int) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, seed=seed)


def values_of(frame: pd.DataFrame) -> pd.Series:
    return frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


def test_networks_trained_on_labels_of_people_find_the_wrong_ones(
    some_images: Dataset, human_labels: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "worse.npy", np.load(human_labels / "cifar10n_worse_label.npy")[:IMAGES])
    condition = LabelNoise(kind="human", labels=str(tmp_path / "worse.npy"), held_out=0.25)
    pool, data = trained_under(condition, some_images, epochs=6)
    predict = PredictionCache(data)
    options = LabelNoiseOptions(test_errors=str(human_labels / "cifar10_label_errors_mturk.npy"))

    noise = EVALUATIONS["label_noise"](options)
    records = noise.measure(pool, data, predict)
    values = values_of(noise.summarise(records))
    calibration = EVALUATIONS["calibration"]()
    calibrated = values_of(calibration.summarise(calibration.measure(pool, data, predict)))

    assert all(check.passed for check in records.checks)
    for name in ("teacher", "baseline", "hinton"):
        assert values["realised_rate", name] == pytest.approx(0.40, abs=0.02)
        assert values["accuracy", name] > 0.25
        fates = [values[fate, name] for fate in ("memorised", "recovered", "neither")]
        assert sum(fates) == pytest.approx(1)
        # early in training a network says more of the true labels than of the wrong ones that it is taught
        assert values["recovered", name] > values["memorised", name]
        assert values["audit_auroc", name] > 0.6
        assert values["audit_precision", name] > values["realised_rate", name] + 0.1
        # a network that is right on few images holds more labels to be wrong than are
        assert values["realised_rate", name] < values["estimated_rate", name] < 1
        assert 0.3 < values["test_error_auroc", name] < 0.8
        assert calibrated["ece_after", name] < calibrated["ece", name] + 0.02
    assert noise.headline(noise.summarise(records))


def test_networks_trained_on_a_skewed_set_predict_its_frequent_classes(some_images: Dataset) -> None:
    condition = ClassImbalance(gamma=1.0)
    pool, data = trained_under(condition, some_images, epochs=14)

    minority = EVALUATIONS["minority"]()
    frame = minority.summarise(minority.measure(pool, data, PredictionCache(data)))
    values = values_of(frame)

    for name in ("teacher", "baseline", "hinton"):
        assert values["majority_accuracy", name] > values["minority_accuracy", name] + 0.1
        assert values["prior_pull", name] > 0.2
        # the test set is balanced, so every class counts as often
        recalls = frame[(frame["metric"] == "class_recall") & (frame["member"] == name)]["value"]
        assert values["balanced_accuracy", name] == pytest.approx(recalls.mean())
    assert "recall of the 3 rarest classes" in minority.headline(frame)[0]
