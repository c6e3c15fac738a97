import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.attacks.attack import Attack
from robustkd.attacks.by_name import attack_by_name
from robustkd.attacks.craft import craft, largest_change
from robustkd.attacks.gradients import zero_gradients
from robustkd.data import load_dataset
from robustkd.errors import EvaluationError
from robustkd.models import PixelModel

PGD = Attack("PGD", {"eps": 0.1, "alpha": 0.02, "steps": 10, "random_start": True})

STANDARDISED = Attack(PGD.name, PGD.parameters, "standardised")

APGD_DLR = Attack("APGD", {"norm": "Linf", "eps": 0.1, "steps": 20, "loss": "dlr"})


class Scaled(nn.Module):
    """Multiplies a network's logits: no decision changes, and no true robustness."""

    num_classes = 10

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__()
        self.network, self.factor = network, factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * self.network(x)


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    test = load_dataset("digits").test
    return test.pixels(0, 120), test.labels[:120]


@pytest.fixture(scope="module")
def scaled() -> Callable[[float], PixelModel]:
    """A small convolutional network, trained on the digits, with its logits multiplied."""
    torch.manual_seed(0)
    train = load_dataset("digits").training
    pixels, labels = train.pixels(0, len(train)), train.labels
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(10):
        for batch in torch.randperm(len(labels)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(pixels[batch]), labels[batch]).backward()
            optimiser.step()
    return lambda factor: PixelModel(Scaled(network, factor)).eval().requires_grad_(False)


def accuracy(attack: Attack, model: PixelModel, digits: tuple[Tensor, Tensor]) -> float:
    pixels, labels = digits
    examples = craft(attack, model, pixels, labels, list(range(len(labels))), 0, 10)
    return float((model(examples).argmax(1) == labels).float().mean())


def test_cross_entropy_mistakes_large_logits_for_robustness(
    scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    at_1, at_100 = (accuracy(PGD, scaled(factor), digits) for factor in (1, 100))

    assert at_100 > at_1 + 0.1


@pytest.mark.parametrize("attack", [STANDARDISED, APGD_DLR], ids=lambda attack: attack.label)
def test_a_scale_invariant_attack_does_not_see_how_large_logits_are(
    attack: Attack, scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    found = [accuracy(attack, scaled(factor), digits) for factor in (0.1, 1, 10, 100)]

    assert max(found) - min(found) <= 0.01
    assert found[3] < accuracy(PGD, scaled(100), digits) - 0.1


def test_the_share_of_zero_gradients_rises_with_the_logits(
    scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    shares = [float(zero_gradients(scaled(factor), *digits).float().mean()) for factor in (1, 10, 50, 1000)]

    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] > 0.5


def test_a_start_belongs_to_its_image_regardless_of_the_batch(
    scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    pixels, labels = digits
    start = Attack("PGD", {"eps": 0.1, "alpha": 0.0, "steps": 1, "random_start": True})

    together = craft(start, scaled(1), pixels[:8], labels[:8], list(range(8)), 3, 10)
    apart = craft(start, scaled(1), pixels[5:7], labels[5:7], [5, 6], 3, 10)

    torch.testing.assert_close(together[5:7], apart, rtol=0, atol=0)
    moved = (together - pixels[:8]).flatten(1)
    assert len(np.unique(moved.numpy(), axis=0)) == 8


@pytest.mark.parametrize("attack", [APGD_DLR, Attack("PGDL2", {"eps": 0.5, "alpha": 0.2, "steps": 3})])
def test_other_attacks_do_not_see_the_batch_either(
    attack: Attack, scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    pixels, labels = digits
    labels = labels.clone()
    labels[0] = (labels[0] + 1) % 10  # misclassified: APGD passes over it

    together = craft(attack, scaled(1), pixels[:8], labels[:8], list(range(8)), 3, 10)
    apart = craft(attack, scaled(1), pixels[4:8], labels[4:8], [4, 5, 6, 7], 3, 10)

    torch.testing.assert_close(together[4:], apart, rtol=0, atol=1e-6)


BY_NUMPY = [
    attack_by_name({"name": "OnePixel", "steps": 2, "popsize": 6}, "here"),
    attack_by_name({"name": "Pixle", "restarts": 2, "max_iterations": 3}, "here"),
]


@pytest.mark.parametrize("attack", BY_NUMPY, ids=lambda attack: attack.name)
def test_attacks_that_draw_from_numpys_global_state_depend_on_seed_and_image_alone(
    attack: Attack, scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    pixels, labels = digits

    def crafted(first: int, last: int, seed: int) -> Tensor:
        np.random.seed(first)  # for any state before
        return craft(attack, scaled(1), pixels[first:last], labels[first:last], list(range(first, last)), seed, 10)

    together, apart = crafted(0, 6, seed=3), crafted(2, 5, seed=3)

    assert not attack.sees_batch
    assert torch.equal(together[2:5], apart)
    assert not torch.equal(together, crafted(0, 6, seed=4))
    assert not torch.equal(together, pixels[:6])


@pytest.mark.parametrize("attack", BY_NUMPY, ids=lambda attack: attack.name)
def test_the_global_random_states_survive_attacks_that_draw_from_them(
    attack: Attack, scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    def drawn() -> tuple[float, float, float]:
        return float(np.random.random()), random.random(), float(torch.rand(1))

    def seed() -> None:
        np.random.seed(5)
        random.seed(5)
        torch.manual_seed(5)

    seed()
    expected = drawn()

    seed()
    craft(attack, scaled(1), digits[0][:3], digits[1][:3], [0, 1, 2], 0, 10)

    assert drawn() == expected


def test_the_same_image_of_another_index_gets_other_random_numbers(
    scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    pixels, labels = digits[0][:1].repeat(2, 1, 1, 1), digits[1][:1].repeat(2)

    first, second = craft(BY_NUMPY[1], scaled(1), pixels, labels, [0, 1], 0, 10)

    assert not torch.equal(first, second)


def test_the_global_random_state_survives_apgd(
    scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)

    torch.manual_seed(5)
    accuracy(APGD_DLR, scaled(1), digits)

    assert torch.equal(torch.rand(3), expected)


def test_nothing_is_printed(
    scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    pixels, labels = digits
    attack = attack_by_name({"name": "APGDT", "eps": 0.1, "steps": 2}, "here")

    craft(attack, scaled(1), pixels[:4], labels[:4], [0, 1, 2, 3], 0, 10)

    assert capsys.readouterr().out == ""


def test_change_is_measured_in_the_norm_of_the_attack() -> None:
    pixels = torch.zeros(2, 1, 2, 2)
    examples = torch.tensor([[[[0.3, 0.4], [0, 0]]], [[[0, 0], [0, 0.1]]]])

    assert largest_change(PGD, examples, pixels) == pytest.approx(0.4)
    assert largest_change(Attack("PGDL2", {"eps": 1}), examples, pixels) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("given", "sees"),
    [
        ({"name": "PGD", "eps": 0.1, "steps": 2}, False),
        ({"name": "VMIFGSM", "eps": 0.1, "steps": 2}, False),
        ({"name": "DIFGSM", "eps": 0.1, "steps": 2, "resize_rate": 0.5, "diversity_prob": 1.0}, True),
        ({"name": "PGDRS", "eps": 0.1, "steps": 2}, True),
        ({"name": "Square", "eps": 0.3, "n_queries": 100}, False),
        ({"name": "Square", "norm": "L2", "eps": 1.0, "n_queries": 100}, True),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_attacks_say_whether_an_example_depends_on_its_batch(
    given: dict, sees: bool, scaled: Callable[[float], PixelModel], digits: tuple[Tensor, Tensor]
) -> None:
    attack, (pixels, labels) = attack_by_name(given, "here"), digits

    together = craft(attack, scaled(1), pixels[:8], labels[:8], list(range(8)), 3, 10)
    apart = craft(attack, scaled(1), pixels[4:8], labels[4:8], [4, 5, 6, 7], 3, 10)

    assert attack.sees_batch is sees
    assert torch.allclose(together[4:], apart, atol=1e-6) is not sees


class Faint(nn.Module):
    """Its logits hardly depend on the pixels."""

    num_classes = 2

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([4e-45 * x.sum(dim=(1, 2, 3)), torch.zeros(len(x))], dim=1)


def test_a_gradient_that_underflows_in_the_batch_attacked_counts_as_zero() -> None:
    """Half of 4e-45 is more than the smallest float32, a sixteenth is not."""
    pixels, labels = torch.rand(8, 1, 2, 2), torch.zeros(8, dtype=torch.int64)

    assert zero_gradients(PixelModel(Faint()), pixels, labels).all()
    assert not zero_gradients(PixelModel(Faint()), pixels[:1], labels[:1]).any()


def test_an_attack_that_cannot_be_made_on_such_images_says_so(digits: tuple[Tensor, Tensor], scaled: Callable) -> None:
    attack = attack_by_name({"name": "PIFGSM", "max_epsilon": 0.1}, "attack")
    assert attack.epsilon == 0.1

    with pytest.raises(EvaluationError, match="PIFGSM cannot attack images of 1×8×8: "):
        craft(attack, scaled(1.0), digits[0][:4], digits[1][:4], list(range(4)), 0, 10)


def test_the_targeted_attack_of_apgd_is_known_to_see_its_batch(digits: tuple[Tensor, Tensor], scaled: Callable) -> None:
    attack = attack_by_name({"name": "APGDT", "eps": 0.1, "steps": 2}, "attack")
    pixels, labels = digits[0][:40], digits[1][:40]

    together = craft(attack, scaled(1.0), pixels, labels, list(range(40)), 0, 10)[20:]
    alone = craft(attack, scaled(1.0), pixels[20:], labels[20:], list(range(20, 40)), 0, 10)

    assert attack.sees_batch
    assert not torch.equal(together, alone)
