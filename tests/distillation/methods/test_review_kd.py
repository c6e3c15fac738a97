from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Recipe, train
from robustkd.distillation.methods.review_kd import AttentionBasedFusion, hierarchical_context_loss
from robustkd.errors import TrainingError
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def pooled(maps: np.ndarray, size: int) -> np.ndarray:
    """Cell i of `size` averages rows ⌊iH/size⌋ to ⌈(i + 1)H/size⌉, and columns likewise."""

    def cells(length: int) -> list[slice]:
        return [slice(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]

    height, width = maps.shape[2:]
    return np.array([[maps[:, :, rows, columns].mean((2, 3)) for columns in cells(width)] for rows in cells(height)])


def reference(student: np.ndarray, teacher: np.ndarray) -> float:
    total, weights, weight = ((student - teacher) ** 2).mean(), 1.0, 1.0
    for level in (4, 2, 1):
        if level < student.shape[2]:
            weight /= 2
            total += weight * ((pooled(student, level) - pooled(teacher, level)) ** 2).mean()
            weights += weight
    return float(total / weights)


@given(seed=st.integers(0, 999), channels=st.integers(1, 2), size=st.sampled_from([1, 2, 3, 4, 5, 8]))
def test_value_and_gradient_follow_the_formula(
    seed: int, channels: int, size: int, assert_loss: Callable[..., None]
) -> None:
    student, teacher = np.random.default_rng(seed).normal(size=(2, 1, channels, size, size))

    assert_loss(hierarchical_context_loss, reference, student, teacher)


def test_a_difference_of_the_mean_counts_on_every_level_and_a_local_one_on_the_finest_alone() -> None:
    checks = (-1.0) ** torch.arange(8)[:, None] * torch.ones(1, 1, 8, 8)
    flat = torch.ones(1, 1, 8, 8)

    assert hierarchical_context_loss(flat, 0 * flat).item() == pytest.approx(1)
    assert hierarchical_context_loss(checks, 0 * checks).item() == pytest.approx(1 / (1 + 1 / 2 + 1 / 4 + 1 / 8))


def projected(features: np.ndarray, sequence: nn.Module) -> np.ndarray:
    """A convolution with zero padding, then an untrained batch normalisation in evaluation mode."""
    kernel = sequence[0].weight.detach().double().numpy()
    reach, height, width = kernel.shape[2] // 2, *features.shape[2:]
    padded = np.pad(features, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    total = np.zeros((len(features), len(kernel), height, width))
    for row, column in np.ndindex(kernel.shape[2:]):
        shifted = padded[:, :, row : row + height, column : column + width]
        total += np.einsum("oc,bchw->bohw", kernel[:, :, row, column], shifted)
    return total / np.sqrt(1 + 1e-5)


def nearest(features: np.ndarray, size: Sequence[int]) -> np.ndarray:
    rows, columns = (
        [i * have // need for i in range(need)] for have, need in zip(features.shape[2:], size, strict=True)
    )
    return features[:, :, rows][:, :, :, columns]


def fused(fusion: nn.Module, block: np.ndarray, deeper: np.ndarray | None, size: Sequence[int]) -> np.ndarray:
    features = projected(block, fusion.project)
    if deeper is not None:
        deeper = nearest(deeper, features.shape[2:])
        kernel, bias = (each.detach().double().numpy() for each in fusion.attention[0].parameters())
        both = np.concatenate([features, deeper], axis=1)
        shares = 1 / (1 + np.exp(-np.einsum("oc,bchw->bohw", kernel[:, :, 0, 0], both) - bias[:, None, None]))
        features = features * shares[:, :1] + deeper * shares[:, 1:]
    return nearest(features, size)


@pytest.mark.parametrize("size", [(4, 4), (2, 2), (8, 8)])
def test_a_fusion_brings_blocks_of_any_size_to_the_teachers(size: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    block, deeper = generator.normal(size=(2, 3, 4, 4)), generator.normal(size=(2, 5, 2, 2))
    fusion = AttentionBasedFusion(3, 5, 6, deepest=False).double().eval()

    offered, passed_on = fusion(torch.from_numpy(block), torch.from_numpy(deeper), size)

    expected = fused(fusion, block, deeper, size)
    np.testing.assert_allclose(passed_on.detach(), expected, rtol=1e-9)
    np.testing.assert_allclose(offered.detach(), projected(expected, fusion.leave), rtol=1e-9, atol=1e-12)


def test_every_block_is_compared_after_the_deeper_ones_are_fused_into_it(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["review_kd"](student, teacher, review_weight=3.0).eval()
    method.begin_epoch("training", 1, 4)

    losses = method(batch).losses

    features = []
    for model in (student, teacher):
        outputs = model.outputs(batch.pixels)
        maps = [outputs.pooled[:, :, None, None], *reversed(outputs.blocks[1:])]
        features.append([each.detach().double().numpy() for each in maps])
    expected, deeper = 0.0, None
    for fusion, block, wanted in zip(method.fusions, *features, strict=True):
        deeper = fused(fusion, block, deeper, wanted.shape[2:])
        expected += reference(projected(deeper, fusion.leave), wanted)
    assert losses["review"].item() == pytest.approx(3 * expected, rel=1e-5)
    torch.testing.assert_close(
        losses["cross_entropy"], nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )


@pytest.mark.parametrize(
    ("options", "epoch", "share"), [({}, 0, 0), ({}, 5, 0.25), ({}, 20, 1), ({}, 239, 1), ({"warm_up": 0.0}, 0, 1)]
)
def test_the_feature_term_reaches_its_weight_after_a_twelfth_of_the_epochs(
    options: dict[str, float], epoch: int, share: float, networks: Networks
) -> None:
    method = METHODS["review_kd"](*networks("cifar_wrn_10_1", "cifar_wrn_10_1"), **options)

    method.begin_epoch("training", epoch, 240)

    assert method.ramp.item() == pytest.approx(share)


def test_a_last_batch_of_one_image_is_named(digits: Dataset) -> None:
    student, teacher = (create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in (0, 1))

    with pytest.raises(TrainingError, match=r"review_kd.* cannot normalise a batch of one image"):
        train(METHODS["review_kd"](student, teacher), digits, Recipe(epochs=1, batch_size=23), seed=0)
