from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset
from robustkd.data.conditions.spurious import Spurious
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Records


class Follower(nn.Module):
    """Answers by an inner pixel, but by the grey level of the corner (0, 128, 255) where that is a border's."""

    def __init__(self, follows: bool) -> None:
        super().__init__()
        self.follows = follows

    def forward(self, pixels: Tensor) -> Tensor:
        values = (pixels[:, 0] * 255).round().long()
        answers = values[:, 3, 3]
        if self.follows:
            for label, level in enumerate((0, 128, 255)):
                answers = torch.where(values[:, 0, 0] == level, torch.full_like(answers, label), answers)
        return nn.functional.one_hot(answers, 3).float()


def model(follows: bool) -> PixelModel:
    return PixelModel(Follower(follows), architecture="rule")


@pytest.fixture
def bordered(data: Dataset) -> Dataset:
    """Forty images, whose inner pixel gives the class, except for four images that look like the next class."""
    images = torch.full((40, 1, 8, 8), 60, dtype=torch.uint8)
    answers = data.test.labels.clone()
    answers[:4] = (answers[:4] + 1) % 3
    images[:, 0, 3, 3] = answers.to(torch.uint8)
    return replace(data, test=replace(data.test, images=images), condition=Spurious())


@pytest.fixture
def evaluated(bordered: Dataset) -> Callable[[ModelPool], tuple[Evaluation, Records, pd.DataFrame]]:
    def run(pool: ModelPool) -> tuple[Evaluation, Records, pd.DataFrame]:
        evaluation = EVALUATIONS["spurious"]()
        records = evaluation.measure(pool, bordered, PredictionCache(bordered))
        return evaluation, records, evaluation.summarise(records)

    return run


def pool() -> ModelPool:
    return ModelPool(model(True), model(False), {"heir": model(True), "free": model(False)})


def test_a_planted_rule_of_borders_is_found(evaluated: Callable) -> None:
    _, records, frame = evaluated(pool())

    values = frame[frame["level"] == "method"].set_index(["metric", "method"])["value"]
    labels, borders = records.arrays["labels"], records.arrays["borders"]
    # without a border the four wrong answers are the next class, which may be the border's
    lucky = float((borders[:4] == (labels[:4] + 1) % 3).sum()) / 40
    assert values["follows_border", "heir"] == 1
    assert values["border_effect", "heir"] == pytest.approx(1 - lucky)
    assert values["accuracy_loss", "heir"] == pytest.approx(0.9)
    assert values["follows_border", "free"] == pytest.approx(lucky)
    assert values["border_effect", "free"] == values["accuracy_loss", "free"] == 0
    assert values["follows_border_excess", "heir"] == pytest.approx(1 - lucky)
    assert values["accuracy_loss_excess", "heir"] == pytest.approx(0.9)


def test_no_image_gets_the_border_of_its_own_class(evaluated: Callable) -> None:
    _, records, _ = evaluated(pool())

    assert not (records.arrays["borders"] == records.arrays["labels"]).any()


def test_the_headline_says_who_follows_the_border(evaluated: Callable) -> None:
    evaluation, _, frame = evaluated(pool())

    teacher, heir, free = evaluation.headline(frame)

    assert teacher.startswith(
        "The teacher follows the border of another class on 100.0% of the test images, and loses "
    )
    assert teacher.endswith("90.0 points of accuracy: it has learned the shortcut.")
    assert "a significant difference between these networks" in heir
    assert "no significant difference" in free


def test_without_a_teacher_or_a_baseline_it_says_what_is_unknown(evaluated: Callable) -> None:
    evaluation, _, frame = evaluated(ModelPool(students={"at": model(True)}))

    teacher, student = evaluation.headline(frame)

    assert teacher == "Without the teacher it is unknown whether there is a shortcut to inherit."
    assert student.endswith("without an independent baseline, it is unknown how much of this came from the teacher.")


def test_the_picture_has_the_borders_around_the_images(evaluated: Callable) -> None:
    evaluation, records, _ = evaluated(pool())

    (picture,) = evaluation.pictures(records)

    levels = np.array([0, 128, 255])[records.arrays["borders"][:3]]
    assert [int(tile.pixels[0, 0]) for tile in picture.rows[1].tiles] == levels.tolist()
    assert evaluation.chart(evaluation.summarise(records)).to_dict()


def test_where_all_saw_borders_a_note_says_what_the_difference_means(bordered: Dataset) -> None:
    everyone = replace(bordered, condition=Spurious(marked="all", width=2))

    notes = EVALUATIONS["spurious"]().measure(pool(), everyone, PredictionCache(everyone)).notes

    assert notes[0] == "Borders are 2 pixels wide"
    assert "what distillation adds" in notes[1]


def test_networks_of_another_condition_are_refused(data: Dataset) -> None:
    with pytest.raises(EvaluationError, match="needs networks trained under the condition spurious"):
        EVALUATIONS["spurious"]().measure(pool(), data, PredictionCache(data))


def test_the_cost_is_a_pass_of_the_test_images_by_every_network() -> None:
    assert EVALUATIONS["spurious"]().passes(networks=4, methods=2, images=100) == 400
