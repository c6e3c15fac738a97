from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset, ImageSet
from robustkd.data.conditions.membership import Membership
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.evaluations.membership import MembershipOptions
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Records


class Memory(nn.Module):
    """Is surer of class 0 for images that it remembers (by their first pixel); how sure depends on the second pixel."""

    def __init__(self, remembered: list[int], seed: int) -> None:
        super().__init__()
        noise = torch.rand(256, generator=torch.Generator().manual_seed(seed)) / 10
        bonus = torch.zeros(256)
        bonus[remembered] = 5.0
        self.register_buffer("sure", bonus + noise)

    def forward(self, pixels: Tensor) -> Tensor:
        values = (pixels[:, 0, 0] * 255).round().long()
        confidence = self.sure[values[:, 0]] + values[:, 1] / 10
        return torch.stack([confidence, torch.zeros_like(confidence)], dim=1)


@pytest.fixture
def data() -> Dataset:
    """Sixty training images, numbered by their first pixel, and fifty test images with numbers from 100 on."""

    def images(start: int, count: int) -> ImageSet:
        random = np.random.default_rng(start)
        pixels = torch.zeros(count, 1, 2, 2, dtype=torch.uint8)
        pixels[:, 0, 0, 0] = torch.arange(start, start + count)
        pixels[:, 0, 0, 1] = torch.from_numpy(random.integers(0, 200, count).astype(np.uint8))
        return ImageSet(pixels, torch.zeros(count, dtype=torch.int64), ("a", "b"))

    return Dataset("numbered", images(0, 60), images(100, 50), condition=Membership(held_out=0.5))


@pytest.fixture
def evaluated(data: Dataset) -> Callable[..., tuple[Evaluation, Records, pd.DataFrame]]:
    def run(pool: ModelPool, **options: object) -> tuple[Evaluation, Records, pd.DataFrame]:
        evaluation = EVALUATIONS["membership"](MembershipOptions(**options))  # type: ignore[arg-type]
        records = evaluation.measure(pool, data, PredictionCache(data))
        return evaluation, records, evaluation.summarise(records)

    return run


def network(data: Dataset, remembers: bool, seed: int) -> PixelModel:
    held_out = data.trained_on(0, "student").held_out.tolist() if remembers else []
    return PixelModel(Memory(held_out, seed), architecture="memory")


@pytest.fixture
def pool(data: Dataset) -> ModelPool:
    """A teacher that memorised its images, two baselines, a student that parrots the teacher and one that does not."""
    return ModelPool(
        network(data, True, 0),
        [network(data, False, seed) for seed in (1, 2)],
        {"parrot": network(data, True, 3), "honest": network(data, False, 4)},
    )


def test_a_model_that_memorised_is_found_out_and_its_parrot_too(evaluated: Callable, pool: ModelPool) -> None:
    _, records, frame = evaluated(pool)

    values = frame[frame["level"] == "method"].set_index(["metric", "method"])["value"]
    assert records.arrays["loss_members"].shape == (5, 30)
    # the images that it remembers are surer by 5, and an image without memory is surer by 0 to 20 or so: the references
    # know how easy an image is, so that nothing but memory is left
    for name in ("teacher", "parrot"):
        assert values["lira_auc", name] == 1
        assert values["lira_tpr", name] == 1
        assert values["loss_auc", name] < 1
    assert values["lira_auc", "honest"] < 0.8
    assert values["lira_auc_excess", "parrot"] == pytest.approx(1 - values["lira_auc", "baseline"])


def test_the_headline_says_who_gives_members_away(evaluated: Callable, pool: ModelPool) -> None:
    evaluation, _, frame = evaluated(pool)

    teacher, parrot, honest = evaluation.headline(frame)

    assert teacher.startswith("The teacher's own AUC for images that only it was trained on is 100.0%")
    assert teacher.endswith("it remembers them.")
    assert parrot.startswith("With the parrot network, an image that only the teacher saw has the higher score (LiRA)")
    assert ": a significant difference between these networks." in parrot
    assert ": no significant difference between these networks" in honest


def test_with_one_baseline_lira_is_not_defined_for_it_and_the_loss_is_reported(
    evaluated: Callable, data: Dataset
) -> None:
    pool = ModelPool(network(data, True, 0), network(data, False, 1), {"parrot": network(data, True, 3)})

    evaluation, records, frame = evaluated(pool)

    values = frame[frame["level"] == "method"].set_index(["metric", "method"])["value"]
    assert np.isnan(values["lira_auc", "baseline"])
    assert values["lira_auc", "parrot"] == 1
    assert "LiRA is not defined for baseline: it is the only reference network; give several baselines" in records.notes
    assert "(negative loss)" in evaluation.headline(frame)[1]
    assert evaluation.chart(frame).to_dict()


def test_without_a_baseline_or_a_teacher_it_says_what_is_unknown(evaluated: Callable, data: Dataset) -> None:
    evaluation, records, frame = evaluated(ModelPool(students={"parrot": network(data, True, 3)}))

    teacher, student = evaluation.headline(frame)

    assert any("no reference networks" in note for note in records.notes)
    assert teacher == "Without the teacher it is unknown whether there are members to give away."
    assert student.endswith("without an independent baseline, it is unknown whether these images are just easier.")


def test_a_teacher_that_remembers_nothing_has_nothing_to_pass_on(evaluated: Callable, data: Dataset) -> None:
    pool = ModelPool(network(data, False, 0), network(data, False, 1), {"at": network(data, False, 2)})

    evaluation, _, frame = evaluated(pool)

    assert evaluation.headline(frame)[0].endswith("so there is nothing to pass on.")


def test_few_test_images_for_a_low_rate_are_noted(evaluated: Callable, pool: ModelPool) -> None:
    _, records, _ = evaluated(pool)

    assert records.notes[:2] == (
        "30 images that only the teacher saw are told from 50 test images",
        "50 test images are few for a false positive rate of 0.1%: the true positive rate is that without any false "
        "positive",
    )


def test_a_part_of_the_images_may_be_used(evaluated: Callable, pool: ModelPool) -> None:
    _, records, _ = evaluated(pool, images=12)

    assert records.arrays["loss_members"].shape == records.arrays["loss_others"].shape == (5, 12)


def test_without_training_images_it_is_skipped_and_other_conditions_are_refused(pool: ModelPool, data: Dataset) -> None:
    evaluation = EVALUATIONS["membership"]()
    clean = replace(data, condition=type(data.condition)(0.5).for_role("teacher"))

    assert evaluation.inapplicable(pool, replace(data, train=None)) == "needs the training images"
    with pytest.raises(EvaluationError, match="needs networks trained under the condition membership"):
        evaluation.measure(pool, clean, PredictionCache(clean))


def test_the_cost_is_a_pass_of_the_members_by_every_network() -> None:
    assert EVALUATIONS["membership"](MembershipOptions(images=300)).passes(4, 2, 1000) == 1200
