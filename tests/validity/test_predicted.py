import numpy as np
import pytest
from torch import nn

from robustkd.results.predictions import Predictions
from robustkd.validity.predicted import above_chance, why_not_finite


def predictions(labels: np.ndarray, answers: np.ndarray) -> Predictions:
    return Predictions(np.eye(3, dtype=np.float32)[answers], labels)


@pytest.mark.parametrize(("right", "passed"), [(99, True), (45, True), (36, False), (0, False)])
def test_a_network_that_guesses_among_equal_classes_fails_the_check(right: int, passed: bool) -> None:
    """A third of 99 images is 33; the lower end of Wilson's interval is 0.276 for 36 and 0.360 for 45."""
    labels = np.arange(99) % 3

    answers = np.where(np.arange(99) < right, labels, (labels + 1) % 3)

    assert above_chance("member", predictions(labels, answers)).passed is passed


@pytest.mark.parametrize(("right_on_rare", "passed"), [(0, False), (2, False), (10, True)])
def test_a_network_that_always_answers_the_largest_class_fails_the_check(right_on_rare: int, passed: bool) -> None:
    """It is right on 90 of 100, far more than a third."""
    labels = np.repeat([0, 1], [90, 10])

    answers = np.where(np.arange(100) < 90 + right_on_rare, labels, 0)
    check = above_chance("member", predictions(labels, answers))

    assert check.passed is passed
    assert "always answering the largest class is right on 90" in check.detail


def test_logits_that_are_not_finite_are_counted_by_image() -> None:
    found = predictions(np.arange(4) % 3, np.arange(4) % 3)
    assert why_not_finite(found, nn.Identity()) == ""

    found.logits[[1, 3], 0] = np.nan
    found.logits[3, 1] = np.inf

    assert "not finite for 2 of 4 images" in why_not_finite(found, nn.Identity())
