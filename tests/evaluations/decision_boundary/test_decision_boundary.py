import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score
from torch import Tensor, nn

from robustkd.data import Dataset, ImageSet
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.decision_boundary.maps import class_colours, coloured
from robustkd.evaluations.decision_boundary.overlap import boundary_iou, class_iou
from robustkd.evaluations.decision_boundary.planes import plane_through
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache

from ...conftest import network


class Threshold(nn.Module):
    """Says class 1 where the first pixel is above one half, else class 0."""

    def forward(self, x: Tensor) -> Tensor:
        first = x[:, 0, 0, 0] - 0.5
        return torch.stack([-first, first, torch.full_like(first, -9)], dim=1)


def measured(pool: ModelPool, data: Dataset, **options: int):
    evaluation = EVALUATIONS["decision_boundary"]
    evaluation = evaluation(evaluation.Options(**({"planes": 6, "resolution": 5} | options)))
    records = evaluation.measure(pool, data, PredictionCache(data))
    return evaluation, records, evaluation.summarise(records)


def of_methods(frame):
    return frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


@given(st.integers(0, 1000))
def test_a_plane_goes_through_its_three_images_along_orthogonal_directions(seed: int) -> None:
    images = np.random.default_rng(seed).random((3, 12))

    plane = plane_through(images)

    assert plane is not None
    np.testing.assert_allclose(plane.at(plane.corners), images, atol=1e-9)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=1e-9)


def test_the_grid_covers_the_images_and_a_margin_on_each_side() -> None:
    plane = plane_through(np.array([[0.0, 0, 0], [10, 0, 0], [4, 5, 0]]))

    grid = plane.grid(3, 0.1)

    assert grid[:, 0].tolist() == pytest.approx([-1, -1, -1, 5, 5, 5, 11, 11, 11])
    assert grid[:3, 1].tolist() == pytest.approx([-0.5, 2.5, 5.5])


@pytest.mark.parametrize("third", [[2.0, 2.0], [0.0, 0.0]])
def test_images_on_a_line_span_no_plane(third: list[float]) -> None:
    assert plane_through(np.array([[0.0, 0.0], [1.0, 1.0], third])) is None


def test_the_iou_of_classes_is_that_of_sklearn() -> None:
    first, second = np.random.default_rng(0).integers(0, 4, (2, 3, 25))

    found = class_iou(first, second)

    np.testing.assert_allclose(
        found, [jaccard_score(*pair, average="macro") for pair in zip(first, second, strict=True)]
    )
    np.testing.assert_allclose(boundary_iou(first, second), (first == second).mean(axis=1))


def test_the_classes_of_a_known_network_are_those_by_hand(data: Dataset) -> None:
    pool = ModelPool(PixelModel(Threshold()), students={"at": network(1)})

    _, records, _ = measured(pool, data, batch_size=3)

    for place, triplet in enumerate(records.arrays["triplets"]):
        images = data.test.images[triplet].flatten(1).numpy() / 255
        plane = plane_through(images)
        expected = plane.at(plane.grid(5, 0.1))[:, 0] > 0.5
        assert records.arrays["classes"][0, place].tolist() == expected.astype(int).tolist()


def test_a_student_that_is_its_teacher_has_its_boundaries(data: Dataset) -> None:
    pool = ModelPool(network(0), network(1), {"copy": network(0)})

    evaluation, records, frame = measured(pool, data)

    values = of_methods(frame)
    assert values["boundary_iou", "copy"] == values["boundary_class_iou", "copy"] == 1
    assert values["boundary_iou_excess", "copy"] == pytest.approx(1 - values["boundary_iou", "baseline"])
    assert set(frame["n"].dropna()) == {6}
    assert all("planes" in each for each in frame["interval"].dropna())
    assert "100.0% of the points" in evaluation.headline(frame)[0]
    assert evaluation.chart(frame).to_dict()
    (picture,) = evaluation.pictures(records)
    assert picture.columns[3:] == ("teacher", "baseline", "copy")
    assert {row.tiles[5].text for row in picture.rows} == {"IoU 100%"}


def test_a_constant_network_agrees_where_the_teacher_says_its_class(data: Dataset) -> None:
    constant = network(1)
    constant.module.fc.bias.data = torch.tensor([0.0, 1e6, 0.0])
    teacher = PixelModel(Threshold())

    _, records, frame = measured(ModelPool(teacher, students={"constant": constant}), data)

    share = (records.arrays["classes"][0] == 1).mean()
    assert of_methods(frame)["boundary_iou", "constant"] == pytest.approx(share)


def test_two_baselines_are_compared_with_each_other(data: Dataset) -> None:
    pool = ModelPool(network(0), [network(1), network(1)], {"at": network(2)})

    evaluation, _, frame = measured(pool, data)

    row = frame[frame["metric"] == "boundary_iou_between_baselines"].iloc[0]
    assert (row["source"], row["member"], row["value"]) == ("baseline-0", "baseline-1", 1)
    assert "two independent baselines agree on 100.0%" in evaluation.headline(frame)[-1]


def test_another_network_in_the_pool_changes_nothing(data: Dataset) -> None:
    alone = measured(ModelPool(network(0), students={"at": network(2)}), data)[2]
    beside = measured(ModelPool(network(0), students={"sp": network(3), "at": network(2)}), data)[2]

    assert of_methods(alone)["boundary_iou", "at"] == of_methods(beside)["boundary_iou", "at"]


def test_in_a_picture_the_first_axis_runs_to_the_right_and_the_second_upwards() -> None:
    colours = class_colours(4)
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]])

    drawn = coloured(np.array([0, 1, 2, 3]), corners, 0.5, colours)

    assert (drawn[-1, 0] == colours[0]).all()
    assert (drawn[0, 0] == colours[1]).all()
    assert (drawn[-1, -1] == colours[2]).all()
    assert (drawn[0, -1] == colours[3]).all()


def test_the_colours_of_many_classes_differ() -> None:
    assert len(np.unique(class_colours(100), axis=0)) == 100


def test_it_refuses_images_that_span_no_plane_and_a_pool_without_a_teacher(data: Dataset) -> None:
    pool = ModelPool(network(0), students={"at": network(1)})
    same = ImageSet(torch.zeros(5, 1, 8, 8, dtype=torch.uint8), torch.arange(5) % 3, ("a", "b", "c"))
    two = data.test.subset(torch.arange(2))

    with pytest.raises(EvaluationError, match="do not lie on a line"):
        measured(pool, Dataset("same", None, same))
    with pytest.raises(EvaluationError, match="there are 2"):
        measured(pool, Dataset("two", None, two))
    with pytest.raises(EvaluationError, match="needs a teacher"):
        measured(ModelPool(students={"at": network(1)}), data)
