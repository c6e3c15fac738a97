from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy.stats import norm

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.overhaul import negative_means, partial_distance
from robustkd.distillation.pre_activations import features_before_rectifiers, places_before_rectifiers
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def reference(student: np.ndarray, teacher: np.ndarray, margin: np.ndarray) -> float:
    total = 0.0
    for image, channel, row, column in np.ndindex(student.shape):
        seen, wanted = student[image, channel, row, column], teacher[image, channel, row, column]
        wanted = wanted if wanted > margin[channel] else margin[channel]
        if not seen <= wanted <= 0:
            total += (seen - wanted) ** 2
    return total / len(student)


@given(seed=st.integers(0, 999), channels=st.integers(1, 3))
def test_value_and_gradient_follow_the_formula(seed: int, channels: int, assert_loss: Callable[..., None]) -> None:
    generator = np.random.default_rng(seed)
    student, teacher = generator.normal(size=(2, 2, channels, 2, 3))

    assert_loss(partial_distance, reference, student, teacher, -generator.uniform(0.1, 1, channels))


@pytest.mark.parametrize(
    ("student", "teacher", "expected"),
    [(-3, -2, 0), (-1, -2, 0), (-0.2, -2, 0.09), (-3, -0.25, 0), (-0.1, -0.25, 0.0225), (-3, 2, 25), (5, 2, 9)],
    ids=["below both", "below the margin", "above the margin", "below the teacher", "above it", "too low", "too high"],
)
def test_the_cases_of_the_partial_distance(student: float, teacher: float, expected: float) -> None:
    given = (torch.tensor(float(value)).view(1, 1, 1, 1) for value in (student, teacher))

    assert partial_distance(*given, torch.tensor([-0.5])).item() == pytest.approx(expected, abs=1e-6)


@given(mean=st.floats(-3, 3), deviation=st.floats(1.0, 3))
def test_the_margin_is_the_mean_of_the_negative_responses(mean: float, deviation: float) -> None:
    found = negative_means(torch.tensor([mean]).double(), torch.tensor([deviation]).double())

    share = norm.cdf(0, mean, deviation)
    total, _ = integrate.quad(lambda x: x * norm.pdf(x, mean, deviation), -np.inf, 0)
    assert found.item() == pytest.approx(total / share if share > 0.001 else -3 * deviation, rel=1e-6)


def test_a_standard_normal_has_the_margin_minus_root_two_over_pi_and_a_rare_one_minus_three_deviations() -> None:
    means, deviations = torch.tensor([0.0, 7.0, -1.0]), torch.tensor([1.0, 2.0, 0.0])

    assert negative_means(means, deviations).tolist() == pytest.approx([-((2 / np.pi) ** 0.5), -6, -1])


@pytest.mark.parametrize("architectures", [("cifar_wrn_10_1", "cifar_wrn_10_2"), ("cifar_resnet8", "cifar_wrn_10_2")])
def test_three_blocks_are_compared_and_each_counts_twice_as_much_as_the_one_before(
    architectures: tuple[str, str], networks: Networks, batch: Batch
) -> None:
    student, teacher = networks(*architectures)
    generator = torch.Generator().manual_seed(2)
    for place in places_before_rectifiers(teacher, (1, 2, 3)):
        for values in (place.norm.weight.data, place.norm.bias.data):
            values.copy_(torch.randn(len(values), generator=generator))
    method = METHODS["overhaul"](student, teacher, overhaul_weight=2.0).eval()

    losses = method(batch).losses

    expected = 0.0
    places = [places_before_rectifiers(model, (1, 2, 3)) for model in (student, teacher)]
    features = [
        [each.detach().double().numpy() for each in features_before_rectifiers(model, found, batch.pixels)[1]]
        for model, found in zip((student, teacher), places, strict=True)
    ]
    for depth, (seen, wanted) in enumerate(zip(*features, strict=True)):
        kernel = method.regressors[depth][0].weight.detach().double().numpy()[:, :, 0, 0]
        regressed = np.einsum("oc,bchw->bohw", kernel, seen) / np.sqrt(1 + 1e-5)
        scale, shift = (values.detach().double() for values in places[1][depth].norm.parameters())
        margin = negative_means(shift, scale.abs()).numpy()
        target = np.maximum(wanted, margin[:, None, None])
        counted = ~((regressed <= target) & (target <= 0))
        expected += ((regressed - target) ** 2 * counted).sum() / len(seen) / 2 ** (2 - depth)
    assert losses["features"].item() == pytest.approx(2 * expected, rel=1e-4)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )
