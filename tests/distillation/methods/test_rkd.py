from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.rkd import angle_loss, distance_loss
from robustkd.models import PixelModel


def embedding(seed: int, size: int = 4, width: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(size, width))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt((rows**2).sum(1, keepdims=True))


def huber(first: np.ndarray, second: np.ndarray) -> float:
    gap = np.abs(first - second)
    return float(np.where(gap < 1, gap**2 / 2, gap - 0.5).mean())


def relative_distances(points: np.ndarray, diagonal: float) -> np.ndarray:
    distances = np.array([[np.sqrt(((p - q) ** 2).sum()) for q in points] for p in points])
    np.fill_diagonal(distances, diagonal)
    return distances / distances[distances > 0].mean() if (distances > 0).any() else distances


def cosines(points: np.ndarray) -> np.ndarray:
    size = len(points)
    found = np.zeros((size, size, size))
    for i, j, k in np.ndindex(found.shape):
        if i not in (j, k):
            left, right = points[j] - points[i], points[k] - points[i]
            found[i, j, k] = left @ right / np.sqrt((left @ left) * (right @ right))
    return found


def original_distances(student: np.ndarray, teacher: np.ndarray) -> float:
    return huber(relative_distances(student, 0), relative_distances(teacher, 0))


def sarfraz2020_distances(student: np.ndarray, teacher: np.ndarray) -> float:
    return huber(relative_distances(unit(student), 1e-6), relative_distances(unit(teacher), 1e-6))


def original_angles(student: np.ndarray, teacher: np.ndarray) -> float:
    return huber(cosines(student), cosines(teacher))


def sarfraz2020_angles(student: np.ndarray, teacher: np.ndarray) -> float:
    return huber(cosines(unit(student)), cosines(unit(teacher)))


def test_distances_give_what_the_original_code_gives(wave: Callable[..., Tensor]) -> None:
    value = distance_loss(wave((5, 6), 0.37, 0.2), wave((5, 8), 0.53, 0.4), variant="original")

    assert value.item() == pytest.approx(0.0163415019753, rel=1e-11)


def test_angles_give_what_the_original_code_gives(wave: Callable[..., Tensor]) -> None:
    value = angle_loss(wave((5, 6), 0.37, 0.2), wave((5, 8), 0.53, 0.4), variant="original")

    assert value.item() == pytest.approx(0.0975281239878, rel=1e-11)


def test_distances_of_the_variant_give_what_its_authors_code_gives(wave: Callable[..., Tensor]) -> None:
    value = distance_loss(wave((5, 6), 0.37, 0.2), wave((5, 8), 0.53, 0.4))

    assert value.item() == pytest.approx(0.01547342, abs=1e-8)


embeddings = given(seed=st.integers(0, 999), size=st.integers(1, 5), width=st.integers(2, 4))


@embeddings
def test_original_distances_follow_the_formula(
    seed: int, size: int, width: int, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda student, teacher: distance_loss(student, teacher, variant="original"),
        original_distances,
        embedding(seed, size, width),
        embedding(seed + 1000, size),
    )


@embeddings
def test_distances_of_the_variant_follow_the_formula(
    seed: int, size: int, width: int, assert_loss: Callable[..., None]
) -> None:
    assert_loss(distance_loss, sarfraz2020_distances, embedding(seed, size, width), embedding(seed + 1000, size))


@embeddings
def test_angles_follow_the_formula(seed: int, size: int, width: int, assert_loss: Callable[..., None]) -> None:
    arrays = embedding(seed, size, width), embedding(seed + 1000, size)

    assert_loss(lambda student, teacher: angle_loss(student, teacher, variant="original"), original_angles, *arrays)
    assert_loss(angle_loss, sarfraz2020_angles, *arrays)


def test_a_triangle_against_three_points_on_a_line() -> None:
    line, triangle = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])

    # distances over their mean 4/3: two pairs at 3/4 and one at 3/2; each counts twice among nine
    assert distance_loss(line, triangle, variant="original").item() == pytest.approx(
        2 * (2 * 0.25**2 / 2 + 0.5**2 / 2) / 9, rel=1e-6
    )
    # cosines 1, −1, 1 on the line and 1/2 in the triangle, each of them twice among 27
    assert angle_loss(line, triangle, variant="original").item() == pytest.approx(
        2 * (2 * 0.5**2 / 2 + 1) / 27, rel=1e-6
    )


ORIGINAL = [
    lambda student, teacher: distance_loss(student, teacher, variant="original"),
    lambda student, teacher: angle_loss(student, teacher, variant="original"),
]
LOSSES = [*ORIGINAL, distance_loss, angle_loss]
losses = pytest.mark.parametrize("loss", LOSSES, ids=["original distances", "original angles", "distances", "angles"])
originals = pytest.mark.parametrize("loss", ORIGINAL, ids=["distances", "angles"])


@originals
@given(seed=st.integers(0, 99))
def test_moving_turning_and_scaling_the_embedding_changes_nothing(
    loss: Callable[[Tensor, Tensor], Tensor], seed: int
) -> None:
    student, teacher = embedding(seed), embedding(seed + 1000)
    moved = 7 * student @ ortho_group.rvs(3, random_state=seed) + embedding(seed + 2000, 1)

    values = [loss(torch.from_numpy(each), torch.from_numpy(teacher)).item() for each in (student, moved)]

    assert values[1] == pytest.approx(values[0], rel=1e-9)


@pytest.mark.parametrize("loss", [distance_loss, angle_loss])
@given(seed=st.integers(0, 99))
def test_the_length_of_an_embedding_does_not_matter_to_the_variant(
    loss: Callable[[Tensor, Tensor], Tensor], seed: int
) -> None:
    student, teacher = embedding(seed), embedding(seed + 1000)
    lengths = np.random.default_rng(seed).uniform(0.1, 10, (len(student), 1))

    values = [loss(torch.from_numpy(each), torch.from_numpy(teacher)).item() for each in (student, lengths * student)]

    assert values[1] == pytest.approx(values[0], rel=1e-9)


@losses
def test_the_same_shape_costs_nothing(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    student = torch.from_numpy(embedding(0))

    assert loss(student, torch.cat([student, student], dim=1)).item() == pytest.approx(0, abs=1e-10)


@losses
@pytest.mark.parametrize(
    "points",
    [torch.zeros(4, 3), torch.ones(4, 3), torch.tensor([[1.0, 2.0], [1.0, 2.0], [3.0, 1.0]]), torch.ones(1, 3)],
    ids=["all zero", "all one", "two equal", "a single image"],
)
def test_equal_embeddings_have_a_finite_loss_and_gradient(
    loss: Callable[[Tensor, Tensor], Tensor], points: Tensor
) -> None:
    student = points.clone().requires_grad_()

    value = loss(student, torch.from_numpy(embedding(1, len(points))).float())
    value.backward()

    assert value.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


@losses
def test_float32_keeps_the_distances_within_a_class_of_close_embeddings(
    loss: Callable[[Tensor, Tensor], Tensor],
) -> None:
    classes, places = embedding(0, 8, 64).repeat(8, axis=0), 1e-3 * embedding(1, 64, 64)
    student = torch.from_numpy(classes + places).float()
    teacher = torch.from_numpy(embedding(2, 64, 64)).float()

    assert loss(student, teacher).item() == pytest.approx(loss(student.double(), teacher.double()).item(), rel=1e-5)


@originals
def test_float32_keeps_the_digits_of_embeddings_far_from_the_origin(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    student, teacher = (torch.from_numpy(embedding(seed, 64, 512)) for seed in (0, 1))

    single, double = loss((student + 5).float(), teacher.float()), loss(student, teacher)

    assert single.item() == pytest.approx(double.item(), rel=1e-4)


@losses
def test_autocast_does_not_touch_it(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    student, teacher = (torch.from_numpy(embedding(seed, 16, 64)).float() for seed in (0, 1))

    with torch.autocast("cpu", torch.bfloat16):
        inside = loss(student, teacher)

    assert torch.equal(inside, loss(student, teacher))


@pytest.mark.parametrize(
    ("name", "options", "weights"),
    [
        ("rkd_d", {}, {"distance": 25}),
        ("rkd_a", {}, {"angle": 50}),
        ("rkd_da", {}, {"distance": 25, "angle": 50}),
        ("rkd_da", {"distance_weight": 2.0, "angle_weight": 0.0}, {"distance": 2}),
    ],
)
@pytest.mark.parametrize("variant", ["sarfraz2020", "original"])
def test_each_method_compares_what_its_name_says(
    name: str,
    options: dict[str, float],
    weights: dict[str, float],
    variant: str,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    chosen = {} if variant == "sarfraz2020" else {"variant": variant}
    method = METHODS[name](student, teacher, **options, **chosen).eval()

    found = method(batch).losses

    outputs = [model.outputs(batch.pixels) for model in (student, teacher)]
    if variant == "original":
        points = [each.pooled.detach().double().numpy() for each in outputs]
        expected = {"distance": original_distances(*points), "angle": original_angles(*points)}
    else:
        points = [each.blocks[3].detach().double().numpy().reshape(8, -1) for each in outputs]
        expected = {"distance": sarfraz2020_distances(*points), "angle": sarfraz2020_angles(*points)}
    assert found.keys() == {"cross_entropy", *weights}
    for part, weight in weights.items():
        assert found[part].item() == pytest.approx(weight * expected[part], rel=1e-3)


def test_what_ruffy2019_calls_rkd_matches_the_predictions_too(
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["rkd_da"](student, teacher, variant="ruffy2019").eval()

    found = method(batch).losses

    outputs = [model.outputs(batch.pixels) for model in (student, teacher)]
    points = [each.pooled.detach().double().numpy() for each in outputs]
    seen, wanted = (each.logits.detach().double().numpy() / 5 for each in outputs)
    logs = [each - np.log(np.exp(each).sum(1, keepdims=True)) for each in (5 * seen, seen, wanted)]
    expected = {
        "cross_entropy": -logs[0][range(8), batch.labels.numpy()].mean() / 2,
        "kd": 25 / 2 * (np.exp(logs[2]) * (logs[2] - logs[1])).sum(1).mean(),
        "distance": 25 * original_distances(*points),
        "angle": 50 * original_angles(*points),
    }
    assert {name: loss.item() for name, loss in found.items()} == pytest.approx(expected, rel=1e-3)
