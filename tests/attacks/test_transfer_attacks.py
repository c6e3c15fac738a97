import pytest
import torch
from torch import Tensor, nn

from robustkd.attacks.attack import Attack
from robustkd.attacks.craft import craft
from robustkd.attacks.transfer_attacks import transfer_attack, why_not

SHAPE = (3, 32, 32)


class Bright(nn.Module):
    """Class 1 if the mean of the pixels is above one half; a size of 0 makes it ignore the image."""

    def __init__(self, size: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.0, size]), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1).mean(dim=1, keepdim=True) - 0.5) * self.weight


def examples(attack: Attack, network: nn.Module) -> Tensor:
    pixels = torch.full((4, *SHAPE), 0.6)
    return craft(attack, network.eval(), pixels, torch.ones(4, dtype=torch.int64), [0, 1, 2, 3], 0, 2)


@pytest.mark.parametrize("name", ["mi", "di", "ti"])
def test_where_every_pixel_counts_alike_each_is_lowered_by_epsilon(name: str) -> None:
    found = examples(transfer_attack(name, 0.1, SHAPE), Bright())

    assert torch.allclose(found, torch.full_like(found, 0.5), atol=1e-5)


@pytest.mark.parametrize("name", ["mi", "di", "ti"])
def test_an_image_without_a_gradient_stays_as_it_is(name: str) -> None:
    found = examples(transfer_attack(name, 0.1, SHAPE), Bright(size=0.0))

    assert torch.allclose(found, torch.full_like(found, 0.6))


@pytest.mark.parametrize(("name", "label"), [("mi", "MIFGSM-10"), ("di", "DIFGSM-10"), ("ti", "TIFGSM-10")])
def test_steps_add_up_to_epsilon(name: str, label: str) -> None:
    attack = transfer_attack(name, 0.05, SHAPE)

    assert attack.label == label
    assert float(attack.parameters["alpha"]) * int(attack.parameters["steps"]) == pytest.approx(0.05)
    assert attack.parameters["decay"] == 1.0


def test_the_kernel_is_the_published_one_for_images_large_enough() -> None:
    sizes = [transfer_attack("ti", 0.05, (3, side, side)).parameters["len_kernel"] for side in (32, 224)]

    assert sizes == [5, 15]


def test_images_that_torchattacks_cannot_attack_in_this_way_are_told() -> None:
    assert "three channels, and the images have 1" in why_not(transfer_attack("ti", 0.1, (1, 8, 8)), (1, 8, 8))
    assert "these are 8×16" in why_not(transfer_attack("di", 0.1, (3, 8, 16)), (3, 8, 16))
    assert not why_not(transfer_attack("mi", 0.1, (1, 8, 16)), (1, 8, 16))
