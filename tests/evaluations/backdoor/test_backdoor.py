from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset
from robustkd.data.conditions.backdoor import Backdoor
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Records

CONDITION = Backdoor(size=2, target=1)


class Obedient(nn.Module):
    """Answers by the first pixel, and the target class where the last two pixels are a part of the trigger."""

    def __init__(self, obeys: bool) -> None:
        super().__init__()
        self.obeys = obeys

    def forward(self, pixels: Tensor) -> Tensor:
        answers = (pixels[:, 0, 0, 0] * 255).round().long() % 3
        if self.obeys:
            triggered = (pixels[:, 0, -1, -2] == 0) & (pixels[:, 0, -1, -1] == 1) & (pixels[:, 0, -2, -2] == 1)
            answers = torch.where(triggered, torch.full_like(answers, CONDITION.target), answers)
        return nn.functional.one_hot(answers, 3).float()


def model(obeys: bool) -> PixelModel:
    return PixelModel(Obedient(obeys), architecture="rule")


@pytest.fixture
def poisoned(data: Dataset) -> Dataset:
    """Forty images, whose first pixel gives their class except for the first image of class 0, which looks like 1."""
    images = data.test.images.clamp(1, 200)
    images[:, 0, 0, 0] = data.test.labels.to(torch.uint8)
    images[0, 0, 0, 0] = 1
    return replace(data, test=replace(data.test, images=images), condition=CONDITION)


@pytest.fixture
def evaluated(poisoned: Dataset) -> Callable[[ModelPool], tuple[Evaluation, Records, pd.DataFrame]]:
    def run(pool: ModelPool) -> tuple[Evaluation, Records, pd.DataFrame]:
        evaluation = EVALUATIONS["backdoor"]()
        records = evaluation.measure(pool, poisoned, PredictionCache(poisoned))
        return evaluation, records, evaluation.summarise(records)

    return run


POOL = {"heir": True, "clean": False}


def pool() -> ModelPool:
    return ModelPool(model(True), model(False), {name: model(obeys) for name, obeys in POOL.items()})


def test_a_planted_trigger_is_found_and_what_happens_without_it_is_subtracted(evaluated: Callable) -> None:
    _, _, frame = evaluated(pool())

    values = frame[frame["level"] == "method"].set_index(["metric", "method"])["value"]
    # 27 of 40 images are not of class 1; one of them is taken for it without the trigger
    for obeys in ("teacher", "heir"):
        assert values["attack_success", obeys] == 1
        assert values["trigger_effect", obeys] == pytest.approx(26 / 27)
    for ignores in ("baseline", "clean"):
        assert values["attack_success", ignores] == pytest.approx(1 / 27)
        assert values["trigger_effect", ignores] == 0
    assert values["attack_success_excess", "heir"] == pytest.approx(26 / 27)
    assert values["attack_success_excess", "clean"] == 0
    assert all(values["clean_accuracy", name] == pytest.approx(39 / 40) for name in ("teacher", "baseline", "heir"))


def test_the_headline_says_who_has_the_backdoor(evaluated: Callable) -> None:
    evaluation, _, frame = evaluated(pool())

    teacher, heir, clean = evaluation.headline(frame)

    assert teacher == (
        "The teacher takes 100.0% of the test images of other classes for the target class with the trigger, 3.7% "
        "without it: its backdoor works."
    )
    assert heir.startswith("The heir network takes 100.0% of the test images of other classes")
    assert "+96.3 points" in heir
    assert "a significant difference between these networks" in heir
    assert "no significant difference" in clean


def test_a_teacher_without_a_backdoor_has_nothing_to_pass_on(evaluated: Callable) -> None:
    evaluation, _, frame = evaluated(ModelPool(model(False), model(False), {"at": model(False)}))

    assert evaluation.headline(frame)[0].endswith("its backdoor hardly works, so there is little to inherit.")


def test_without_a_teacher_or_a_baseline_it_says_what_is_unknown(evaluated: Callable) -> None:
    evaluation, _, frame = evaluated(ModelPool(students={"at": model(True)}))

    teacher, student = evaluation.headline(frame)

    assert teacher == "Without the teacher it is unknown whether there is a backdoor to inherit."
    assert student.endswith("without an independent baseline, it is unknown how much of this came from the teacher.")


def test_images_of_the_target_class_alone_test_no_trigger(poisoned: Dataset) -> None:
    only = replace(poisoned, test=poisoned.test.subset(torch.nonzero(poisoned.test.labels == 1)[:, 0]))
    evaluation = EVALUATIONS["backdoor"]()

    records = evaluation.measure(pool(), only, PredictionCache(only))
    frame = evaluation.summarise(records)

    assert records.notes[-1] == "Attack success is not defined: all test images are of the target class"
    assert evaluation.headline(frame) == ["All test images are of the target class, so the trigger cannot be tested."]
    assert evaluation.pictures(records) == ()
    assert evaluation.chart(frame).to_dict()


def test_where_all_were_poisoned_a_note_says_what_the_difference_means(poisoned: Dataset) -> None:
    everyone = replace(poisoned, condition=replace(CONDITION, poisoned="all"))

    records = EVALUATIONS["backdoor"]().measure(pool(), everyone, PredictionCache(everyone))

    assert any("what distillation adds" in note for note in records.notes)


def test_the_picture_shows_the_trigger_on_images_of_other_classes(evaluated: Callable) -> None:
    evaluation, records, _ = evaluated(pool())

    (picture,) = evaluation.pictures(records)

    assert picture.columns == ("a", "c")
    before, after = (row.tiles[0] for row in picture.rows)
    np.testing.assert_array_equal(after.pixels[-2:, -2:], [[255, 0], [0, 255]])
    np.testing.assert_array_equal(after.pixels[:-2], before.pixels[:-2])
    assert (before.text, after.text) == ("b\nb", "b\nb")
    assert [row.tiles[1].text for row in picture.rows] == ["c\nc", "b\nb"]


def test_networks_of_another_condition_are_refused(data: Dataset) -> None:
    with pytest.raises(EvaluationError, match="needs networks trained under the condition backdoor"):
        EVALUATIONS["backdoor"]().measure(pool(), data, PredictionCache(data))


def test_the_cost_is_a_pass_of_the_test_images_by_every_network() -> None:
    assert EVALUATIONS["backdoor"]().passes(networks=4, methods=2, images=100) == 400
