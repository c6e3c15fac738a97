"""What users of other evaluation tools reported, as small inputs: each is right here, or named.

The threads are those of the trackers on GitHub.
"""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset
from robustkd.errors import ModelError
from robustkd.evaluations import EVALUATIONS
from robustkd.models import Member, ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache, Predictions, predict
from robustkd.results.tidy import tidy
from robustkd.statistics.calibration_error import calibration_error
from robustkd.validity.admission import Admitted, admit
from robustkd.validity.predicted import above_chance
from robustkd.validity.probe import Probed, probe

from .test_admission import DIGITS, trained


class Then(nn.Module):
    """A good network followed by something."""

    def __init__(self, then: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.network, self.then = trained(1), then

    def forward(self, x: Tensor) -> object:
        return self.then(self.network(x))


def probed(network: nn.Module) -> Probed:
    member = Member(PixelModel(network, architecture="net"), "student", "at")
    member.model.eval().requires_grad_(False)
    return probe(member, DIGITS.test.pixels(0, 4), 10)


def admitted(network: nn.Module, data: Dataset) -> Admitted:
    pool = ModelPool(students={"at": PixelModel(network, architecture="net")})
    return admit(pool, data, PredictionCache(data))


def some(*labels: int, count: int = 40) -> Dataset:
    """Test images of some classes."""
    chosen = torch.isin(DIGITS.test.labels, torch.tensor(labels)).nonzero()[:count, 0]
    return replace(DIGITS, test=DIGITS.test.subset(chosen))


class Keeps(nn.Module):
    """Keeps a tensor that it computes in its first pass, as relative positions are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.weight, self.kept = trained(1), nn.Parameter(torch.ones(8, 8)), None

    def forward(self, x: Tensor) -> Tensor:
        if self.kept is None:
            self.kept = self.weight * torch.ones(8, 8)
        return self.network(x * self.kept)


def test_a_tensor_that_a_network_keeps_can_be_attacked_after_an_evaluation() -> None:
    """ArcticTraining#265, dinov2#472: "Inference tensors cannot be saved for backward"."""
    network = PixelModel(Keeps()).requires_grad_(False)
    predict(network, DIGITS.test.subset(torch.arange(10)))

    assert probed(network.module).no_gradient == ""


@pytest.mark.parametrize("value", [1.0, 0.5, 0.1])
def test_a_confidence_at_the_edge_of_a_bin_has_a_bin(value: float) -> None:
    """torchmetrics#1646: index −1 is out of bounds; the error of one bin is |confidence − accuracy|."""
    from robustkd.statistics.calibration_error import bin_of

    confidence, correct = np.full(4, value), np.array([True, False, True, False])

    error = calibration_error(confidence, correct, bin_of(confidence, 10), 10, np.ones((1, 4)))

    assert error[0] == pytest.approx(abs(value - 0.5))


def test_logits_between_0_and_1_are_not_taken_for_probabilities() -> None:
    """torchmetrics#3269."""
    assert probed(Then(torch.sigmoid)).notes == ()


def test_answers_without_a_confidence_are_said() -> None:
    """helm#1781: with a confidence of 1 everywhere, the calibration error is only 1 − accuracy."""
    found = probed(Then(lambda z: nn.functional.one_hot(z.argmax(1), 10).float()))

    assert found.notes[1] == "at gives 0 and 1 only, so nothing that rests on its confidence has a meaning"


@pytest.mark.parametrize("count", [1, 499, 500])
def test_every_image_is_predicted_exactly_once(count: int) -> None:
    """composer#2218, deit#24: padded batches count images twice."""
    images = DIGITS.test.subset(torch.arange(count))
    network = PixelModel(trained(1))

    found = predict(network, images)

    torch.testing.assert_close(torch.from_numpy(found.logits), network(images.pixels(0, count)), rtol=1e-4, atol=1e-4)


def test_logits_in_half_precision_are_counted_right() -> None:
    """pytorch-lightning#5013: the accuracy of float16 predictions was 0."""
    images = DIGITS.test.subset(torch.arange(100))

    half, whole = (predict(PixelModel(network), images) for network in (Then(lambda z: z.half()), trained(1)))

    assert abs(int(half.correct.sum()) - int(whole.correct.sum())) <= 1
    assert half.logits.dtype == np.float32


@pytest.mark.parametrize("name", ["nan", "NA", "None", "1", "TRUE", "a,b", "=1+1", "../x"])
def test_a_name_that_looks_like_something_else_stays_a_name(name: str) -> None:
    """bokeh#5764, AvaFrame#944: a table reads a missing value."""
    pool = ModelPool(students={name: PixelModel(trained(1), architecture="net")})
    evaluation, data = EVALUATIONS["generalization"](), some(*range(10))

    frame = evaluation.summarise(evaluation.measure(pool, data, PredictionCache(data)))

    assert set(tidy(frame.to_dict("records"))["member"]) == {name}


class WithoutGradient(Then):
    @torch.no_grad()
    def forward(self, x: Tensor) -> object:
        return super().forward(x)


def test_a_forward_pass_without_gradients_is_named() -> None:
    """adversarial-robustness-toolbox#498, foolbox#242: "element 0 of tensors does not require grad"."""
    assert "no gradient with respect to the image" in probed(WithoutGradient(lambda z: z)).no_gradient


def test_a_quantised_network_has_a_digest_of_its_weights() -> None:
    """transformers#33358: the packed weights of quantised layers are no tensors."""

    def quantised(seed: int) -> PixelModel:
        return PixelModel(torch.ao.quantization.quantize_dynamic(trained(seed), {nn.Linear}), architecture="net")

    assert quantised(1).digest() == quantised(1).digest()
    assert quantised(1).digest() != quantised(2).digest()


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (lambda: nn.LazyLinear(10), "has no shape yet: run the network once"),
        (lambda: nn.Linear(64, 10, device="meta"), r"has no values \(device meta\): load the weights"),
    ],
)
def test_parameters_without_values_are_refused(network: Callable[[], nn.Module], told: str) -> None:
    """transformers loads weights lazily, on the device meta."""
    with pytest.raises(ModelError, match=told):
        PixelModel(network())


@pytest.mark.parametrize(
    ("then", "told"),
    [
        (lambda z: z.long(), "gives numbers of type int64, not logits"),
        (lambda z: z.to(torch.complex64), "gives numbers of type complex64, not logits"),
        (lambda z: z.detach().numpy(), "gives a ndarray, not logits"),
        (lambda z: sys.exit(3), "fails on images of 1×8×8: SystemExit: 3"),
        (lambda z: z[:, :1], "gives 1 outputs for each image, but the data has 10 classes"),
    ],
)
def test_an_output_that_is_no_logits_is_named(then: Callable[[Tensor], object], told: str) -> None:
    assert told in probed(Then(then)).problem


class Counts(Then):
    """Gives other logits in every pass."""

    passes = 0

    def forward(self, x: Tensor) -> object:
        self.passes += 1
        return super().forward(x) + self.passes * torch.arange(10)


def test_a_network_that_remembers_the_passes_before_fails() -> None:
    """MPL-pytorch#9: what is left in training mode answers differently each time."""
    (check,) = (check for check in probed(Counts(lambda z: z)).checks if not check.passed)

    assert check.name == "same logits in every pass"


def test_classes_masked_by_minus_infinity_are_named() -> None:
    def masked(z: Tensor) -> Tensor:
        return torch.where(torch.arange(10) == 9, -float("inf"), z)

    assert "not finite for 40 of 40 images" in admitted(Then(masked), some(*range(10))).refused["at"]


@pytest.mark.parametrize("count", [1, 10, 40])
def test_images_of_one_class_raise_no_alarm(count: int) -> None:
    found = admitted(trained(1), some(3, count=count))

    assert [check.name for check in found.checks if not check.passed] == []


@pytest.mark.parametrize(("right", "passed"), [(8, True), (6, False)])
def test_of_ten_images_in_two_classes_a_good_network_passes(right: int, passed: bool) -> None:
    """A guess is right on 5, with a standard error of 1.6."""
    labels = np.arange(10) % 2
    answers = np.where(np.arange(10) < right, labels, 1 - labels)

    assert above_chance("at", Predictions(np.eye(2, dtype=np.float32)[answers], labels)).passed is passed


def test_a_network_that_learned_noise_and_guesses_is_noted_and_not_void() -> None:
    from robustkd.data.conditions.label_noise import LabelNoise

    data = replace(some(*range(10)), condition=LabelNoise(rate=0.6))
    noisy = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

    found = admitted(noisy, data)

    assert all(check.passed for check in found.checks if check.name == "better than chance")
    assert any("always answering the largest class" in note and "noise of the labels" in note for note in found.notes)
