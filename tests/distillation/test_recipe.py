import pytest
from pydantic import TypeAdapter, ValidationError

from robustkd.distillation import Recipe


def test_the_learning_rate_falls_as_in_sarfraz2020() -> None:
    recipe = Recipe()

    rates = {epoch: recipe.learning_rate_at(epoch) for epoch in (0, 59, 60, 119, 120, 149, 150, 199)}

    expected = {0: 0.1, 59: 0.1, 60: 0.02, 119: 0.02, 120: 0.004, 149: 0.004, 150: 0.0008, 199: 0.0008}
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0},
        {"milestones": (0,)},
        {"factor": 0},
        {"momentum": 1},
        {"weight_decay": -1e-4},
        {"precision": "float16"},
        {"select": "best"},
        {"validation_fraction": 1},
        {"validation_fraction": -0.1},
        {"select": "validation"},
    ],
)
def test_a_value_out_of_range_is_refused(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Recipe).validate_python(wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"select": "best"}, "select must be one of last, validation, test, got 'best'"),
        ({"validation_fraction": 1.0}, "validation_fraction must be at least 0 and less than 1, got 1.0"),
        ({"validation_fraction": float("nan")}, "validation_fraction must be at least 0 and less than 1, got nan"),
        ({"select": "validation"}, "needs images to select by: set validation_fraction"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_when_the_recipe_is_made(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)


@pytest.mark.parametrize("select", ["last", "test", "validation"])
def test_images_may_be_held_out_under_every_rule(select: str) -> None:
    assert Recipe(select=select, validation_fraction=0.1).select == select
