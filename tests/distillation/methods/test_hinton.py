from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import kd_loss
from robustkd.models import PixelModel

logits = st.builds(
    lambda seed, size, classes: np.random.default_rng(seed).normal(0, 3, (2, size, classes)),
    st.integers(0, 999),
    st.integers(1, 5),
    st.integers(2, 6),
)
temperatures = st.floats(0.5, 8)


def softened(values: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp(values / temperature)
    return weights / weights.sum(1, keepdims=True)


def reference(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    p_s, p_t = softened(student, temperature), softened(teacher, temperature)
    return float(temperature**2 * (p_t * np.log(p_t / p_s)).sum(1).mean())


def test_the_loss_is_what_the_original_code_gives(wave: Callable[..., Tensor]) -> None:
    value = kd_loss(wave((4, 10), 0.7, 0.1, 3), wave((4, 10), 0.9, 0.5, 4), 4.0)

    assert value.item() == pytest.approx(5.27374839104, rel=1e-11)


@given(logits=logits, temperature=temperatures)
def test_value_and_gradient_follow_the_formula(
    logits: np.ndarray, temperature: float, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda student, teacher: kd_loss(student, teacher, temperature),
        lambda student, teacher: reference(student, teacher, temperature),
        logits[0],
        logits[1],
    )


@given(logits=logits, temperature=temperatures)
def test_the_gradient_is_t_times_the_difference_of_the_predictions(logits: np.ndarray, temperature: float) -> None:
    student = torch.from_numpy(logits[0]).requires_grad_()

    kd_loss(student, torch.from_numpy(logits[1]), temperature).backward()

    expected = temperature * (softened(logits[0], temperature) - softened(logits[1], temperature)) / len(logits[0])
    np.testing.assert_allclose(student.grad, expected, rtol=1e-9, atol=1e-12)


@given(logits=logits, temperature=temperatures)
def test_no_prediction_is_nearer_to_the_teacher_than_its_own(logits: np.ndarray, temperature: float) -> None:
    student, teacher = torch.from_numpy(logits)

    assert kd_loss(student, teacher, temperature) >= 0
    assert kd_loss(teacher, teacher, temperature).item() == pytest.approx(0, abs=1e-12)
    assert kd_loss(teacher + 7, teacher, temperature).item() == pytest.approx(0, abs=1e-12)


def test_it_is_summed_over_classes_and_averaged_over_images() -> None:
    student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])

    one, two = kd_loss(student, teacher, 1.0), kd_loss(student.repeat(2, 1), teacher.repeat(2, 1), 1.0)

    # sigmoid(1) − sigmoid(−1), times the difference of the log-probabilities, 1
    assert one.item() == pytest.approx(0.46211715726, rel=1e-6)
    assert two.item() == pytest.approx(one.item())


def test_logits_of_any_size_give_a_finite_loss() -> None:
    student = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)

    kd_loss(student, torch.tensor([[-1e4, 1e4, 0.0]]), 1.0).backward()

    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "weight", "temperature"), [({}, 0.9, 4.0), ({"kd_weight": 0.3, "temperature": 2.0}, 0.3, 2.0)]
)
def test_the_weight_goes_to_the_teacher_and_the_rest_to_the_labels(
    options: dict[str, float],
    weight: float,
    temperature: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = METHODS["hinton"](student, teacher, **options).eval()

    losses = method(batch).losses

    mine, theirs = (model(batch.pixels).detach().double() for model in (student, teacher))
    picked = softened(mine.numpy(), 1)[np.arange(8), batch.labels]
    assert losses["cross_entropy"].item() == pytest.approx((1 - weight) * -np.log(picked).mean(), rel=1e-5)
    assert losses["kd"].item() == pytest.approx(
        weight * reference(mine.numpy(), theirs.numpy(), temperature), rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize(("epoch", "hardness"), [(0, 0.5), (2, 0.25), (3, 0.125)])
def test_annealing_lowers_the_weight_of_hard_labels_from_one_half_to_zero(
    epoch: int, hardness: float, networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = METHODS["hinton"](student, teacher, variant="annealed", kd_weight=1.0, temperature=2.0)
    method.begin_epoch("training", epoch, 4)

    found = method.eval()(batch).losses["kd"].item()

    mine, theirs = (model(batch.pixels).detach().double().numpy() for model in (student, teacher))
    hard = -4 * np.log(softened(mine, 2.0)[np.arange(len(mine)), theirs.argmax(1)]).mean()
    expected = hardness * hard + (1 - hardness) * reference(mine, theirs, 2.0)
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_weights_of_labels_and_teacher_may_be_separate(
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    usual, separate = (
        METHODS["hinton"](student, teacher, **options).eval()(batch).losses
        for options in ({"kd_weight": 0.5}, {"kd_weight": 2.0, "ce_weight": 1.0})
    )

    assert separate["cross_entropy"].item() == pytest.approx(2 * usual["cross_entropy"].item())
    assert separate["kd"].item() == pytest.approx(4 * usual["kd"].item())


def test_a_weight_above_1_needs_one_for_the_labels(
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
) -> None:
    with pytest.raises(ValueError, match="above 1, give ce_weight too"):
        METHODS["hinton"](*networks("cifar_resnet8", "cifar_wrn_10_1"), kd_weight=2.0)


def test_standardised_logits_ignore_the_teachers_scale(
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = METHODS["hinton"](student, teacher, standardise_logits=True).eval()
    before = method(batch).losses["kd"].item()
    with torch.no_grad():
        teacher.module.fc.weight.mul_(3)
        teacher.module.fc.bias.mul_(3).add_(1)

    assert method(batch).losses["kd"].item() == pytest.approx(before, rel=1e-3)


@given(logits=logits, seed=st.integers(0, 99))
def test_with_a_temperature_for_each_image_the_loss_is_the_mean_of_theirs(
    logits: np.ndarray, seed: int, assert_loss: Callable[..., None]
) -> None:
    own = np.random.default_rng(seed).uniform(0.5, 8, len(logits[0]))

    def expected(student: np.ndarray, teacher: np.ndarray) -> float:
        rows = zip(student, teacher, own, strict=True)
        return float(np.mean([reference(mine[None], theirs[None], temperature) for mine, theirs, temperature in rows]))

    assert_loss(
        lambda student, teacher: kd_loss(student, teacher, torch.from_numpy(own)), expected, logits[0], logits[1]
    )


@given(logits=logits, temperature=temperatures)
def test_one_temperature_for_all_is_the_same_as_that_of_each(logits: np.ndarray, temperature: float) -> None:
    student, teacher = torch.from_numpy(logits)

    each = kd_loss(student, teacher, torch.full((len(student),), temperature, dtype=torch.float64))

    assert each.item() == pytest.approx(kd_loss(student, teacher, temperature).item(), rel=1e-9, abs=1e-12)


def test_the_temperatures_of_two_images_by_hand() -> None:
    student = torch.zeros(2, 2, dtype=torch.float64)
    teacher = torch.tensor([[np.log(3), 0.0], [np.log(9), 0.0]], dtype=torch.float64)

    found = kd_loss(student, teacher, torch.tensor([1.0, 2.0], dtype=torch.float64))

    # at its temperature, log 3 and ½ log 9 alike, the teacher says ¾ and ¼ of both; against ½ and ½ that is
    # KL = ¾ log(3/2) + ¼ log(1/2), and T² is 1 and 4
    divergence = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert found.item() == pytest.approx((1 * divergence + 4 * divergence) / 2)


def test_an_image_that_asks_for_a_temperature_is_matched_at_it_and_others_at_that_of_the_method(
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = METHODS["hinton"](student, teacher, kd_weight=0.5, temperature=3.0).eval()
    with torch.no_grad():
        teacher.module.fc.weight.mul_(30)
    nothing = float("nan")
    asked = torch.tensor([1.0, nothing, 8.0, nothing, nothing, 2.0, 1.0, nothing])

    found = method(replace(batch, temperature=asked)).losses

    mine, theirs = (model(batch.pixels).detach().double().numpy() for model in (student, teacher))
    used = [1.0, 3.0, 8.0, 3.0, 3.0, 2.0, 1.0, 3.0]
    rows = zip(mine, theirs, used, strict=True)
    each = [reference(own[None], taught[None], temperature) for own, taught, temperature in rows]
    assert found["kd"].item() == pytest.approx(0.5 * np.mean(each), rel=1e-4)
    assert found["kd"].item() != pytest.approx(method(batch).losses["kd"].item(), rel=1e-2)
    assert found["cross_entropy"].item() == method(batch).losses["cross_entropy"].item()


def test_where_no_image_asks_for_a_temperature_the_loss_is_the_usual_one(
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    method = METHODS["hinton"](*networks("cifar_resnet8", "cifar_wrn_10_1")).eval()

    found = method(replace(batch, temperature=torch.full((8,), float("nan"))))

    assert found.losses["kd"].item() == pytest.approx(method(batch).losses["kd"].item(), rel=1e-4, abs=1e-8)


def divided_by_the_classes(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    p_s, p_t = softened(student, temperature), softened(teacher, temperature)
    return float(temperature**2 * (p_t * np.log(p_t / p_s)).mean())


def squared_differences(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    return float(temperature**2 * ((softened(student, temperature) - softened(teacher, temperature)) ** 2).mean())


@pytest.mark.parametrize(
    ("variant", "formula"),
    [("knowledge_distillation_pytorch", divided_by_the_classes), ("kd_lib", squared_differences)],
)
@pytest.mark.parametrize("temperature", [1.0, 4.0, 20.0])
def test_what_toolkits_compute_is_reproduced(
    variant: str,
    formula: Callable[[np.ndarray, np.ndarray, float], float],
    temperature: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = (
        METHODS["hinton"](student, teacher, variant=variant, kd_weight=0.5, temperature=temperature).double().eval()
    )
    teacher.double()
    images = Batch(batch.pixels.double(), batch.labels, batch.indices)

    losses = method(images).losses

    mine, theirs = (model(images.pixels).detach().numpy() for model in (student, teacher))
    assert losses["kd"].item() == pytest.approx(0.5 * formula(mine, theirs, temperature), rel=1e-9)
    picked = softened(mine, 1)[np.arange(8), batch.labels]
    assert losses["cross_entropy"].item() == pytest.approx(-0.5 * np.log(picked).mean(), rel=1e-9)


@pytest.mark.parametrize(("variant", "share"), [("knowledge_distillation_pytorch", 1 / 10), ("kd_lib", 2 / 10**2)])
def test_with_ten_classes_the_gradient_of_a_toolkit_is_a_small_share_of_the_original(
    variant: str, share: float, networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    student.double()
    teacher.double()
    images = Batch(batch.pixels.double(), batch.labels, batch.indices)
    gradients = {}
    for each in ("original", variant):
        method = METHODS["hinton"](student, teacher, variant=each, kd_weight=1.0, temperature=1000.0).eval()
        (gradients[each],) = torch.autograd.grad(method(images).losses["kd"], student.module.fc.bias)

    torch.testing.assert_close(gradients[variant], share * gradients["original"], rtol=1e-2, atol=1e-9)
