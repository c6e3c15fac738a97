from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.fsp import flow, flow_loss
from robustkd.errors import ModelError
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def maps(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def flow_reference(first: np.ndarray, second: np.ndarray, pool: Callable[..., np.ndarray] = np.max) -> np.ndarray:
    """By loops; the larger of the two maps is as large as the smaller, or twice."""

    def halved(features: np.ndarray) -> np.ndarray:
        corners = [features[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)]
        return pool(corners, axis=0)

    if first.shape[2] > second.shape[2]:
        first = halved(first)
    elif second.shape[2] > first.shape[2]:
        second = halved(second)
    size, height, width = first.shape[0], *first.shape[2:]
    result = np.zeros((size, first.shape[1], second.shape[1]))
    for image, i, j, row, column in np.ndindex(*result.shape, height, width):
        result[image, i, j] += first[image, i, row, column] * second[image, j, row, column] / (height * width)
    return result


def mean_of_squares(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(((student - teacher) ** 2).sum() / student.size)


def sum_of_squares(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(((student - teacher) ** 2).sum() / len(student))


def sum_of_column_norms(student: np.ndarray, teacher: np.ndarray) -> float:
    columns = [column for image in student - teacher for column in image.T]
    return float(sum(np.sqrt((column**2).sum()) for column in columns) / len(student))


@given(seed=st.integers(0, 999), sizes=st.sampled_from([(2, 2), (4, 2), (2, 4)]))
def test_the_flow_is_the_mean_product_over_positions(seed: int, sizes: tuple[int, int]) -> None:
    first, second = maps(seed, 2, 3, sizes[0], sizes[0]), maps(seed + 1000, 2, 4, sizes[1], sizes[1])

    found = flow(torch.from_numpy(first), torch.from_numpy(second))

    np.testing.assert_allclose(found, flow_reference(first, second), rtol=1e-12, atol=1e-12)
    pooled = flow(torch.from_numpy(first), torch.from_numpy(second), variant="rep_distiller")
    np.testing.assert_allclose(pooled, flow_reference(first, second, np.mean), rtol=1e-12, atol=1e-12)


def test_the_flow_between_constant_maps_is_the_product_of_their_values() -> None:
    first, second = torch.tensor([2.0, 3.0]), torch.tensor([5.0, -1.0, 0.5])

    found = flow(first.view(1, 2, 1, 1).expand(1, 2, 6, 6), second.view(1, 3, 1, 1).expand(1, 3, 3, 3))

    torch.testing.assert_close(found, torch.tensor([[[10.0, -2.0, 1.0], [15.0, -3.0, 1.5]]]))


@given(seed=st.integers(0, 99))
def test_permuting_the_positions_of_both_maps_changes_nothing(seed: int) -> None:
    first, second = torch.from_numpy(maps(seed, 2, 3, 4, 4)), torch.from_numpy(maps(seed + 1000, 2, 5, 4, 4))
    order = torch.from_numpy(np.random.default_rng(seed).permutation(16))

    moved = [each.flatten(2)[:, :, order].view_as(each) for each in (first, second)]

    torch.testing.assert_close(flow(*moved), flow(first, second))


@pytest.mark.parametrize(
    ("variant", "distance", "pool"),
    [
        ("sarfraz2020", mean_of_squares, np.max),
        ("original", sum_of_squares, np.max),
        ("torchdistill", sum_of_column_norms, np.max),
        ("rep_distiller", mean_of_squares, np.mean),
    ],
)
@given(seed=st.integers(0, 999), sizes=st.sampled_from([(2, 2), (4, 2), (2, 4)]))
def test_value_and_gradient_follow_the_formula(
    variant: str,
    distance: Callable[[np.ndarray, np.ndarray], float],
    pool: Callable[..., np.ndarray],
    seed: int,
    sizes: tuple[int, int],
    assert_loss: Callable[..., None],
) -> None:
    first = maps(seed, 2, 2, sizes[0], sizes[0])
    second, teacher = maps(seed + 1000, 2, 3, sizes[1], sizes[1]), maps(seed + 2000, 2, 2, 3)

    assert_loss(
        lambda first, second, teacher: flow_loss(flow(first, second, variant=variant), teacher, variant=variant),
        lambda first, second, teacher: distance(flow_reference(first, second, pool), teacher),
        first,
        second,
        teacher,
    )


def test_the_variants_differ_by_the_number_of_entries() -> None:
    student, teacher = (torch.from_numpy(maps(seed, 2, 3, 5)) for seed in (0, 1))

    mean, total = flow_loss(student, teacher), flow_loss(student, teacher, variant="original")

    assert total.item() == pytest.approx(15 * mean.item())


@pytest.mark.parametrize(
    ("options", "weights", "distance", "pool"),
    [
        ({}, (1, 3, 1), mean_of_squares, np.max),
        ({"variant": "original"}, (1, 3, 1), sum_of_squares, np.max),
        ({"variant": "torchdistill"}, (1, 3, 1), sum_of_column_norms, np.max),
        ({"variant": "rep_distiller"}, (1, 3, 1), mean_of_squares, np.mean),
        ({"flow_weights": (0.5, 0.0, 2.0)}, (0.5, 0, 2), mean_of_squares, np.max),
    ],
)
def test_the_flows_from_stem_to_block_3_are_compared(
    options: dict[str, float],
    weights: tuple[float, ...],
    distance: Callable[[np.ndarray, np.ndarray], float],
    pool: Callable[..., np.ndarray],
    networks: Networks,
    batch: Batch,
) -> None:
    models = networks("cifar_wrn_10_1", "cifar_wrn_10_1")
    method = METHODS["fsp"](*models, **options).eval()
    method.begin_epoch("initialisation", 0, 1)

    losses = method(batch).losses

    blocks = [[each.detach().double().numpy() for each in model.outputs(batch.pixels).blocks] for model in models]
    expected = sum(
        weight * distance(*(flow_reference(maps[index], maps[index + 1], pool) for maps in blocks))
        for index, weight in enumerate(weights)
    )
    assert losses.keys() == {"flow"}
    assert losses["flow"].item() == pytest.approx(expected, rel=1e-4)


def test_the_first_stage_trains_all_but_normalisation_and_head(networks: Networks) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_1")
    method = METHODS["fsp"](student, teacher)

    trained = set(map(id, method.trained("initialisation")))

    left = {name.split(".")[0] for name, each in student.module.named_parameters() if id(each) not in trained}
    assert left == {"norm", "fc"}


def test_networks_of_different_widths_are_refused_with_both_shapes(networks: Networks) -> None:
    with pytest.raises(
        ModelError,
        match=r"cifar_wrn_10_1 have \[16, 16, 32, 64\] channels, .*cifar_wrn_10_2 \[16, 32, 64, 128\]; use networks",
    ):
        METHODS["fsp"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"))
