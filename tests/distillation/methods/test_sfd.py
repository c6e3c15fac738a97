from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Recipe, train
from robustkd.distillation.methods.sfd import pooled_maximum_loss
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def maps(seed: int, height: int = 2, width: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(3, 4, height, width))


def differences(student: np.ndarray, teacher: np.ndarray) -> list[list[float]]:
    return [
        [float(mine.max() - theirs.max()) for mine, theirs in zip(*channels, strict=True)]
        for channels in zip(student, teacher, strict=True)
    ]


def mean_of_squares(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(np.mean([value**2 for image in differences(student, teacher) for value in image]))


def largest_norm(student: np.ndarray, teacher: np.ndarray) -> float:
    return max(float(np.sqrt(sum((value + 1e-6) ** 2 for value in image))) for image in differences(student, teacher))


REFERENCES = {"original": mean_of_squares, "ruffy2019": largest_norm}
variants = pytest.mark.parametrize("variant", REFERENCES)


@variants
@given(seed=st.integers(0, 999), height=st.integers(1, 3))
def test_value_and_gradient_follow_the_formula(
    variant: str, seed: int, height: int, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda *given: pooled_maximum_loss(*given, variant=variant),
        REFERENCES[variant],
        maps(seed),
        maps(seed + 1000, height, 2),
    )


@variants
@given(seed=st.integers(0, 99))
def test_where_the_largest_value_is_does_not_matter(variant: str, seed: int) -> None:
    student, teacher = maps(seed), maps(seed + 1000)
    moved = np.random.default_rng(seed).permuted(student.reshape(3, 4, 6), axis=2).reshape(student.shape)

    values = [
        pooled_maximum_loss(torch.from_numpy(each), torch.from_numpy(teacher), variant=variant).item()
        for each in (student, moved)
    ]

    assert values[0] == values[1]


def test_in_the_published_code_only_the_image_that_is_furthest_away_has_a_gradient() -> None:
    student = torch.tensor([[[[1.0]], [[1.0]]], [[[3.0]], [[4.0]]]], requires_grad=True)

    loss = pooled_maximum_loss(student, torch.zeros(2, 2, 1, 1), variant="ruffy2019")
    loss.backward()

    assert loss.item() == pytest.approx(5, abs=1e-5)
    assert student.grad is not None
    torch.testing.assert_close(student.grad.flatten(1), torch.tensor([[0.0, 0.0], [0.6, 0.8]]))


@variants
def test_equal_maps_have_a_finite_gradient(variant: str) -> None:
    student = torch.ones(2, 3, 2, 2, requires_grad=True)

    loss = pooled_maximum_loss(student, torch.ones(2, 3, 2, 2), variant=variant)
    loss.backward()

    assert loss.item() == pytest.approx(0, abs=1e-5)
    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "weight"), [({}, 1), ({"feature_weight": 2.5, "variant": "ruffy2019"}, 2.5)], ids=["default", "ruffy"]
)
def test_the_three_blocks_are_compared(
    options: dict[str, object], weight: float, networks: Networks, batch: Batch
) -> None:
    models = networks("cifar_resnet8", "cifar_resnet14")
    method = METHODS["sfd"](*models, **options).eval()

    losses = method(batch).losses

    blocks = [[each.detach().double().numpy() for each in model.outputs(batch.pixels).blocks] for model in models]
    reference = REFERENCES[str(options.get("variant", "original"))]
    expected = weight * sum(reference(*(maps[number] for maps in blocks)) for number in (1, 2, 3))
    assert losses["features"].item() == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(models[0](batch.pixels), batch.labels)
    )


@variants
def test_training_brings_the_features_nearer_to_the_teachers(variant: str, digits: Dataset) -> None:
    student, teacher = (create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in (0, 1))
    method = METHODS["sfd"](student, teacher, variant=variant)

    history = train(method, digits, Recipe(epochs=4, batch_size=35, learning_rate=0.01, milestones=(3,)), seed=0)

    assert history[-1].losses["features"] < history[0].losses["features"]


def test_networks_of_different_widths_are_refused_with_both_shapes(networks: Networks) -> None:
    with pytest.raises(
        ModelError,
        match=r"cifar_wrn_10_1 have \[16, 32, 64\] channels, .*cifar_wrn_10_2 \[32, 64, 128\]; use networks",
    ):
        METHODS["sfd"](*networks("cifar_wrn_10_1", "cifar_wrn_10_2"))
