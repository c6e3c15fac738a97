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


def test_the_cosine_falls_from_the_first_to_the_last_learning_rate() -> None:
    """stanton2021's students: 5e-2 to 1e-6 over 300 epochs; half-way the mean of both."""
    recipe = Recipe(epochs=300, schedule="cosine", learning_rate=5e-2, last_learning_rate=1e-6)

    assert recipe.learning_rate_at(0) == pytest.approx(5e-2)
    assert recipe.learning_rate_at(100) == pytest.approx(1e-6 + (5e-2 - 1e-6) * 0.75)  # cos 60° = ½
    assert recipe.learning_rate_at(150) == pytest.approx((5e-2 + 1e-6) / 2)
    assert recipe.learning_rate_at(300) == pytest.approx(1e-6)


@pytest.mark.parametrize("schedule", ["step", "cosine", "constant"])
def test_the_warm_up_rises_in_equal_steps_to_the_learning_rate(schedule: str) -> None:
    recipe = Recipe(epochs=20, schedule=schedule, warmup_epochs=4, learning_rate=0.5, milestones=(10,))

    assert [recipe.learning_rate_at(epoch) for epoch in range(5)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_constant_learning_rate_knows_no_milestones() -> None:
    recipe = Recipe(schedule="constant")

    assert {recipe.learning_rate_at(epoch) for epoch in (0, 100, 199)} == {0.1}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimiser": "sdg"}, "optimiser must be one of sgd, adam, adamw, got 'sdg'"),
        ({"schedule": "cosin"}, "schedule must be one of step, cosine, constant"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and less than 1"),
        ({"optimiser": "adam", "nesterov": True}, "nesterov: true needs optimiser: sgd"),
        ({"epochs": 5, "warmup_epochs": 5}, r"warmup_epochs must be less than epochs \(5\), got 5"),
        ({"last_learning_rate": 0.01}, "last_learning_rate needs schedule: cosine"),
        ({"schedule": "cosine", "last_learning_rate": 1.0}, "must be at most learning_rate"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)
