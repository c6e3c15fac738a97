import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import auc
from torch import Tensor, nn

from robustkd.data import Dataset, ImageSet
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.localisation.deletion import area_under, deletion_areas, random_orders
from robustkd.evaluations.localisation.grad_cam import class_maps, cosine, grad_cam
from robustkd.evaluations.localisation.rows import closer
from robustkd.models import ModelPool, PixelModel
from robustkd.models.last_map import find_last_map
from robustkd.results.predictions import PredictionCache
from robustkd.results.tidy import VOID

from ...conftest import network


class Bright(nn.Module):
    """Class 0 is said by the pixels themselves, class 1 by nothing: a linear network whose maps are known."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 1, 1, bias=False)
        self.maps.weight.data.fill_(2.0)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.maps(x).mean(dim=(2, 3))
        return torch.cat([seen * 8, -seen * 8, torch.zeros_like(seen)], dim=1)


class NoMaps(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :3]


def measured(pool: ModelPool, data: Dataset, **options: int):
    evaluation = EVALUATIONS["localisation"]
    evaluation = evaluation(evaluation.Options(**({"deletion_images": 5} | options)))
    records = evaluation.measure(pool, data, PredictionCache(data))
    return evaluation, records, evaluation.summarise(records)


def of_methods(frame):
    return frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


def test_grad_cam_weights_channels_by_their_mean_gradient_and_drops_what_speaks_against_the_class() -> None:
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, 1.0]]]])
    gradients = torch.tensor([[[[1.0, 3.0]], [[-2.0, 0.0]]]])

    # weights 2 and −1: 2·1 − 3 < 0, 2·2 − 1 = 3
    assert grad_cam(maps, gradients).tolist() == [[[0, 3]]]


def test_the_map_of_a_linear_network_is_the_image() -> None:
    images = torch.arange(32, dtype=torch.uint8).view(2, 1, 4, 4)
    bright = ImageSet(images, torch.tensor([0, 0]), ("a", "b", "c"))
    dark = ImageSet(images, torch.tensor([1, 1]), ("a", "b", "c"))
    model = PixelModel(Bright())
    place = find_last_map(model, torch.rand(1, 1, 4, 4))

    maps = class_maps(model, bright, place, batch_size=1, grid=4)

    # A = 2x, ∂y/∂A = 8/16 at each of 16 positions
    np.testing.assert_allclose(maps, images[:, 0].numpy() / 255, rtol=1e-5)
    assert not class_maps(model, dark, place, batch_size=2, grid=4).any()


@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_the_cosine_is_that_of_torch_and_does_not_change_with_scale(seed: int, scale: float) -> None:
    first, second = np.random.default_rng(seed).random((2, 5, 3, 3))

    expected = torch.nn.functional.cosine_similarity(
        torch.from_numpy(first).flatten(1), torch.from_numpy(second).flatten(1)
    )
    np.testing.assert_allclose(cosine(first, scale * second), expected.numpy())


def test_a_map_that_is_0_everywhere_has_a_cosine_of_0() -> None:
    assert cosine(np.zeros((1, 2, 2)), np.ones((1, 2, 2))).tolist() == [0]


def test_ties_count_one_half() -> None:
    assert closer(np.array([0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.3])).tolist() == [1, 0.5, 0]


def test_the_area_under_a_deletion_curve_is_that_of_trapezoids() -> None:
    curve = np.random.default_rng(0).random((3, 9))

    np.testing.assert_allclose(area_under(curve), [auc(np.linspace(0, 1, 9), each) for each in curve])


def test_deleting_what_the_network_needs_lowers_its_probability_first() -> None:
    images = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    images[..., 1, 2] = 255
    needed_first = np.array([[6, *range(6), *range(7, 16)]])
    needed_last = needed_first[:, ::-1].copy()

    first, last = deletion_areas(
        PixelModel(Bright()),
        ImageSet(images, torch.tensor([0]), ("a", "b", "c")),
        [needed_first, needed_last],
        4,
        16,
        1,
    )

    assert first < last


def test_random_orders_depend_on_the_image_alone() -> None:
    alone, together = random_orders(0, np.array([7]), 9), random_orders(0, np.array([3, 7]), 9)

    assert (alone[0] == together[1]).all()
    assert sorted(alone[0]) == list(range(9))


def test_a_student_that_is_its_teacher_has_its_maps(data: Dataset) -> None:
    pool = ModelPool(network(0), network(1), {"copy": network(0)})

    evaluation, records, frame = measured(pool, data)

    values = of_methods(frame)
    assert values["map_cosine", "copy"] == pytest.approx(1)
    assert values["map_cosine_excess", "copy"] == pytest.approx(1 - values["map_cosine", "baseline"])
    assert values["map_closer", "copy"] > 0.95
    assert values["map_cosine_shuffled", "copy"] < 1
    assert values["deletion_auc", "copy"] == pytest.approx(values["deletion_auc", "teacher"])
    assert "closer to the teacher's than the baseline's (chance: 50%)" in " ".join(evaluation.headline(frame))
    assert evaluation.chart(frame).to_dict()
    (picture,) = evaluation.pictures(records)
    assert picture.columns == ("image", "teacher", "baseline", "copy")
    assert [row.label for row in picture.rows] == ["a", "b", "c"]
    shown = records.arrays["eligible"][records.arrays["shown"]]
    assert [row.tiles[3].text for row in picture.rows] == ["cosine 1.00" if seen else "" for seen in shown]


def test_a_second_baseline_is_the_control_of_chance(data: Dataset) -> None:
    pool = ModelPool(network(0), [network(1), network(1)], {"at": network(2)})

    _, _, frame = measured(pool, data)

    # the second baseline is the first, so that all images tie
    assert of_methods(frame)["map_closer", "baseline"] == 0.5
    row = frame[frame["metric"] == "map_cosine_between_baselines"].iloc[0]
    assert (row["source"], row["member"]) == ("baseline-0", "baseline-1")
    assert row["value"] == pytest.approx(1)


def test_maps_of_other_sizes_are_brought_to_one_grid(data: Dataset) -> None:
    pool = ModelPool(network(0), students={"bright": PixelModel(Bright(), image_size=20)})

    _, records, frame = measured(pool, data, grid=5)

    assert records.arrays["shown_maps"].shape == (2, 3, 5, 5)
    assert 0 < of_methods(frame)["map_cosine", "bright"] < 1
    assert any(note.startswith("The maps of") and "(20 × 20)" in note for note in records.notes)


def test_a_network_without_maps_is_left_out_in_one_line(data: Dataset) -> None:
    pool = ModelPool(network(0), students={"flat": PixelModel(NoMaps()), "copy": network(0)})

    evaluation, records, frame = measured(pool, data)

    assert list(records.members["member"]) == ["teacher", "copy"]
    assert sum(note.startswith("flat is left out") and "no spatial maps" in note for note in records.notes) == 1
    assert "without an independent baseline" in evaluation.headline(frame)[0]


def test_it_refuses_a_pool_without_a_teacher_or_without_its_maps(data: Dataset) -> None:
    with pytest.raises(EvaluationError, match="needs a teacher"):
        measured(ModelPool(students={"at": network(1)}), data)
    with pytest.raises(EvaluationError, match="needs maps of the teacher"):
        measured(ModelPool(PixelModel(NoMaps()), students={"at": network(1)}), data)


def test_nothing_is_said_of_a_network_whose_numbers_are_withheld(data: Dataset) -> None:
    evaluation, _, frame = measured(ModelPool(network(0), network(1), {"copy": network(0)}), data)

    frame.loc[frame["member"] == "copy", ["value", "ci_low", "ci_high"]] = np.nan
    frame.loc[frame["member"] == "copy", "interval"] = VOID

    assert not any("copy" in sentence or "–" in sentence for sentence in evaluation.headline(frame))
