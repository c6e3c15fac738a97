from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.vid import gaussian_loss
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def likelihoods(mean: np.ndarray, teacher: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """−log density of a Gaussian, by scipy, without the constant ½ log 2π; (B, C, H, W)."""
    scale = np.sqrt(np.log(1 + np.exp(alpha)) + 1e-5)[:, None, None]
    return -norm.logpdf(teacher, loc=mean, scale=scale) - np.log(2 * np.pi) / 2


REFERENCES = {
    "tian2020": lambda *given: float(likelihoods(*given).mean()),
    "original": lambda *given: float(likelihoods(*given).sum() / len(given[0])),
}


def drawn(seed: int, channels: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    mean, teacher = generator.normal(size=(2, 2, channels, 2, 2))
    return mean, teacher, generator.normal(size=channels)


@pytest.mark.parametrize("variant", REFERENCES)
@given(seed=st.integers(0, 999), channels=st.integers(1, 3))
def test_value_and_gradients_follow_the_gaussian(
    variant: str, seed: int, channels: int, assert_loss: Callable[..., None]
) -> None:
    mean, teacher, alpha = drawn(seed, channels)

    assert_loss(lambda *given: gaussian_loss(*given, variant=variant), REFERENCES[variant], mean, teacher, alpha)
    assert_loss(
        lambda alpha, mean, teacher: gaussian_loss(mean, teacher, alpha, variant=variant),
        lambda alpha, mean, teacher: REFERENCES[variant](mean, teacher, alpha),
        alpha,
        mean,
        teacher,
    )


def test_the_best_variance_is_the_mean_squared_error() -> None:
    mean, teacher = torch.zeros(1, 1, 1, 2), torch.tensor([[[[1.0, 3.0]]]])  # squares 1 and 9, so 5

    alphas = torch.linspace(3, 7, 401)
    values = torch.stack([gaussian_loss(mean, teacher, alpha[None]) for alpha in alphas])

    best = alphas[values.argmin()].double().item()
    assert np.log(1 + np.exp(best)) == pytest.approx(5, abs=0.02)


@pytest.mark.parametrize(
    ("options", "weight"), [({}, 1), ({"vid_weight": 0.01, "variant": "original"}, 0.01)], ids=["default", "original"]
)
def test_three_blocks_are_predicted_with_variances_that_begin_at_five(
    options: dict[str, object], weight: float, networks: Networks, batch: Batch
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["vid"](student, teacher, **options).eval()

    losses = method(batch).losses

    blocks = [model.outputs(batch.pixels).blocks[1:] for model in (student, teacher)]
    expected = 0.0
    for *maps, mean, alpha in zip(*blocks, method.means, method.alphas, strict=True):
        block, target = (each.detach().double().numpy() for each in maps)
        kernels = [each.detach().double().numpy()[:, :, 0, 0] for each in mean.parameters()]
        assert len(kernels) == 3
        for depth, kernel in enumerate(kernels):
            block = np.einsum("oc,bchw->bohw", kernel, np.maximum(block, 0) if depth else block)
        start = alpha.detach().double().numpy()
        np.testing.assert_allclose(np.log(1 + np.exp(start)) + 1e-5, 5, rtol=1e-6)
        expected += REFERENCES[str(options.get("variant", "tian2020"))](block, target, start)
    assert losses["information"].item() == pytest.approx(weight * expected, rel=1e-5)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )


def test_maps_of_different_size_meet_at_the_smaller(networks: Networks) -> None:
    method = METHODS["vid"](*networks("cifar_wrn_10_1", "resnet18"))
    batch = Batch(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(2))

    assert method(batch).losses["information"].isfinite()
