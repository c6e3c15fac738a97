import pytest

from robustkd.distillation import Recipe


def test_the_defaults_are_those_of_the_paper() -> None:
    recipe = Recipe()

    assert (recipe.epochs, recipe.batch_size, recipe.momentum) == (200, 128, 0.9)
    assert (recipe.learning_rate, recipe.milestones, recipe.factor) == (0.1, (60, 120, 150), 0.2)


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 0.1), (59, 0.1), (60, 0.02), (119, 0.02), (120, 0.004), (150, 0.0008), (199, 0.0008)]
)
def test_the_learning_rate_falls_at_each_milestone(epoch: int, expected: float) -> None:
    assert Recipe().learning_rate_at(epoch) == pytest.approx(expected)
