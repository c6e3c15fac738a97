"""Methods that compare features train a network on digits, and another one than the labels alone."""

from dataclasses import replace

import pytest
import torch

from robustkd.data import Dataset, load_dataset
from robustkd.distillation import METHODS, Recipe, train
from robustkd.models import PixelModel, create_model

RECIPE = Recipe(epochs=3, batch_size=64, learning_rate=0.05, milestones=(2,))


def network(seed: int, architecture: str = "cifar_wrn_10_1") -> PixelModel:
    return create_model(architecture, num_classes=10, in_chans=1, seed=seed)


@pytest.fixture(scope="module")
def many_digits() -> Dataset:
    """800 training and 200 test images."""
    whole = load_dataset("digits")
    return Dataset(
        "digits", whole.training.subset(torch.arange(800)), whole.test.subset(torch.arange(200)), whole.augmentation
    )


@pytest.fixture(scope="module")
def teacher(many_digits: Dataset) -> PixelModel:
    model = network(1, "cifar_wrn_10_2")
    train(METHODS["baseline"](model), many_digits, RECIPE, seed=0)
    return model


@pytest.fixture(scope="module")
def baseline(many_digits: Dataset) -> PixelModel:
    model = network(0)
    train(METHODS["baseline"](model), many_digits, RECIPE, seed=0)
    return model


@pytest.mark.parametrize(
    ("name", "epochs"),
    [
        ("hint", 3),
        ("crd", 3),
        ("pkt", 3),
        ("vid", 3),
        ("review_kd", 3),
        ("overhaul", 3),
        ("simkd", 10),
        ("dist", 3),
        ("ttm", 3),
        ("tf_kd", 3),
        ("sdd", 3),
        ("born_again", 3),
        ("pgd_at", 3),
        ("trades", 3),
        ("ard", 3),
        ("rslad", 3),
        ("iad", 3),
        ("focal", 3),
        ("generalised_cross_entropy", 3),
        ("symmetric_cross_entropy", 3),
        ("logit_adjusted", 3),
        ("class_balanced", 3),
        ("co_teaching", 3),
        ("cleanlab", 3),
    ],
)
def test_a_student_learns_and_not_what_the_labels_alone_teach(
    name: str, epochs: int, many_digits: Dataset, teacher: PixelModel, baseline: PixelModel
) -> None:
    method = METHODS[name](network(0), teacher)

    history = train(method, many_digits, replace(RECIPE, epochs=epochs, milestones=(epochs - 1,)), seed=0)

    # chance is 10 %
    assert history[-1].test_accuracy > 0.3
    assert history[-1].train_accuracy > history[0].train_accuracy
    with torch.no_grad():
        logits = [model.eval()(many_digits.test.pixels(0, 200)) for model in (method.export(), baseline)]
    assert not torch.allclose(*logits, atol=0.1)
