import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.similarity.cka import linear_cka
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache

from ...conftest import network


class Foreign(nn.Module):
    """A network without timm's methods; its penultimate features are those of `hidden`."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.hidden, self.head = nn.Linear(64, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.hidden(x.flatten(1)).relu())


class Formula(nn.Module):
    """A classifier without any layer to look into."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :3]


def measured(pool: ModelPool, data: Dataset, **options: int):
    evaluation = EVALUATIONS["similarity"]
    evaluation = evaluation(evaluation.Options(**options))
    records = evaluation.measure(pool, data, PredictionCache(data))
    return evaluation, records, evaluation.summarise(records)


def of_methods(frame):
    return frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


def test_a_student_that_is_its_teacher_has_a_cka_of_1_at_every_stage(data: Dataset) -> None:
    pool = ModelPool(network(0), network(1), {"copy": network(0)})

    _, _, frame = measured(pool, data, neighbours=5)

    values = of_methods(frame)
    for metric in ("cka", "mutual_knn", "cka_debiased", "cka_gnosis"):
        assert values[metric, "copy"] == pytest.approx(1)
    assert values["cka_excess", "copy"] == pytest.approx(1 - values["cka", "baseline"])
    stages = frame[(frame["level"] == "detail") & (frame["member"] == "copy") & (frame["metric"] == "cka")]
    assert list(stages["part"]) == ["stem", "stage1", "stage2", "stage3", "pooled"]
    assert stages["value"].to_numpy() == pytest.approx(1)


def test_stage_values_are_the_cka_of_block_outputs_averaged_over_positions(data: Dataset) -> None:
    teacher, student = network(0), network(1)
    pool = ModelPool(teacher, students={"at": student})

    _, _, frame = measured(pool, data, batch_size=7)

    pixels = data.test.pixels(0, 40)
    with torch.no_grad():
        maps = [model.outputs(pixels).blocks[2].mean(dim=(2, 3)).numpy() for model in (teacher, student)]
    row = frame[(frame["metric"] == "cka") & (frame["part"] == "stage2")]
    assert row["value"].item() == pytest.approx(linear_cka(*maps), rel=1e-5)


def test_with_shuffled_images_there_is_no_similarity_beyond_chance(data: Dataset) -> None:
    _, _, frame = measured(ModelPool(network(0), students={"copy": network(0)}), data)

    values = of_methods(frame)
    assert values["cka_shuffled", "copy"] < 0.3 * values["cka", "copy"]


def test_two_baselines_are_compared_with_each_other(data: Dataset) -> None:
    pool = ModelPool(network(0), [network(1), network(1)], {"at": network(2)})

    evaluation, _, frame = measured(pool, data)

    row = frame[frame["metric"] == "cka_between_baselines"].iloc[0]
    assert (row["source"], row["member"], row["value"]) == ("baseline-0", "baseline-1", pytest.approx(1))
    assert any("independent baselines have a CKA of 1.000" in sentence for sentence in evaluation.headline(frame))


def test_of_a_foreign_network_the_pooled_features_are_compared(data: Dataset) -> None:
    pool = ModelPool(network(0), students={"mine": PixelModel(Foreign(0)), "copy": network(0)})

    _, records, frame = measured(pool, data)

    assert "Of mine, only the pooled features are compared" in records.notes
    assert of_methods(frame)["cka", "copy"] == pytest.approx(1)
    assert not (frame[frame["member"] == "mine"]["level"] == "detail").any()


def test_a_network_without_features_is_left_out_in_one_line(data: Dataset) -> None:
    pool = ModelPool(network(0), students={"formula": PixelModel(Formula()), "copy": network(0)})

    _, records, _ = measured(pool, data)

    assert list(records.members["member"]) == ["copy"]
    assert sum("formula is left out" in note for note in records.notes) == 1


def test_without_a_baseline_the_headline_says_so(data: Dataset) -> None:
    evaluation, _, frame = measured(ModelPool(network(0), students={"at": network(1)}), data)

    assert "without an independent baseline" in evaluation.headline(frame)[0]
    assert evaluation.chart(frame).to_dict()


def test_too_few_images_for_neighbours_leave_cka(data: Dataset) -> None:
    _, records, frame = measured(ModelPool(network(0), students={"at": network(1)}), data, neighbours=40)

    assert "Mutual neighbours need more than 40 images" in records.notes
    assert not np.isnan(of_methods(frame)["cka", "at"])
    assert "mutual_knn" not in set(frame["metric"])


def test_it_refuses_a_pool_without_a_teacher_and_a_teacher_without_features(data: Dataset) -> None:
    with pytest.raises(EvaluationError, match="needs a teacher"):
        measured(ModelPool(students={"at": network(1)}), data)
    with pytest.raises(EvaluationError, match="similarity needs features of teacher"):
        measured(ModelPool(PixelModel(Formula()), students={"at": network(1)}), data)
