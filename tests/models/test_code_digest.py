"""Networks of the same weights that compute something else."""

from collections.abc import Callable

import pytest
import timm
import torch
from torch import Tensor, nn

from robustkd.models import PixelModel
from robustkd.models.code_digest import code_digest


class Scaled(nn.Module):
    def __init__(self, scale: object = 1.0, unsaved: float = 1.0) -> None:
        super().__init__()
        self.linear, self.scale = nn.Linear(4, 3), scale
        self.linear.weight.data.fill_(0.5)
        self.linear.bias.data.zero_()
        self.register_buffer("unsaved", torch.tensor(unsaved), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.flatten(1)) * self.unsaved


def hooked(factor: float) -> nn.Module:
    network = Scaled()
    network.register_forward_hook(lambda module, given, logits: logits * factor)
    return network


def replaced(factor: float) -> nn.Module:
    network = Scaled()
    network.forward = lambda x: network.linear(x.flatten(1)) * factor
    return network


def sequence(last: nn.Module) -> nn.Module:
    return nn.Sequential(Scaled(), last)


PAIRS: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "a number": (lambda: Scaled(1.0), lambda: Scaled(5.0)),
    "a number in a list": (lambda: Scaled([1.0]), lambda: Scaled([5.0])),
    "a tensor that is no buffer": (lambda: Scaled(torch.ones(2)), lambda: Scaled(torch.zeros(2))),
    "a function": (lambda: Scaled(lambda z: z), lambda: Scaled(lambda z: 2 * z)),
    "a buffer that is not saved": (lambda: Scaled(unsaved=1.0), lambda: Scaled(unsaved=5.0)),
    "a hook": (lambda: hooked(1.0), lambda: hooked(5.0)),
    "another forward": (lambda: replaced(1.0), lambda: replaced(5.0)),
    "a layer without weights": (lambda: sequence(nn.Identity()), lambda: sequence(nn.Softmax(1))),
    "the slope of a layer": (lambda: sequence(nn.LeakyReLU(0.1)), lambda: sequence(nn.LeakyReLU(0.2))),
}


@pytest.mark.parametrize("difference", PAIRS)
def test_networks_of_the_same_weights_are_told_apart_by(difference: str) -> None:
    one, other = PAIRS[difference]

    assert PixelModel(one(), architecture="net").digest() == PixelModel(one(), architecture="net").digest()
    assert PixelModel(one(), architecture="net").digest() != PixelModel(other(), architecture="net").digest()


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "cifar_wrn_10_1"])
def test_a_network_of_timm_is_described_by_its_name(name: str) -> None:
    assert code_digest(timm.create_model(name, num_classes=3)) is None


def test_a_changed_network_of_timm_is_not() -> None:
    network = timm.create_model("cifar_wrn_10_1", num_classes=3)
    network.fc = nn.Sequential(network.fc, Scaled())

    assert code_digest(network) is not None


def test_two_classes_of_one_name_are_told_apart() -> None:
    def made(factor: float) -> nn.Module:
        class Net(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return x * factor

        return Net()

    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + 1

    assert code_digest(made(1.0)) != code_digest(Net())
