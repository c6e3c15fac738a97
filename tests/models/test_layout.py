"""Networks compute in the layout that is fastest on a CPU, unless their code may not read it."""

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from robustkd.models import PixelModel, create_model
from robustkd.models.layout import channels_last, takes_channels_last


class Viewing(nn.Module):
    """A network whose own code reads a map with `view`, which channels-last maps do not allow."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.classifier = nn.Linear(4 * 6 * 6, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.convolution(pixels).view(len(pixels), -1))
        return logits


@pytest.fixture
def pixels() -> Tensor:
    return torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "network",
    [
        create_model("cifar_resnet8", num_classes=2).module,
        timm.create_model("test_resnet", num_classes=2),
        torchvision.models.squeezenet1_1(num_classes=2),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2)),
    ],
)
def test_networks_of_the_libraries_take_it(network: nn.Module) -> None:
    assert takes_channels_last(network)


@pytest.mark.parametrize("wrapped", [lambda network: network, nn.Sequential, torch.jit.script])
def test_other_code_gets_the_layout_that_it_was_written_for(wrapped: type, pixels: Tensor) -> None:
    network = wrapped(Viewing())
    expected = network(pixels)

    assert not takes_channels_last(network)
    assert torch.equal(PixelModel(network)(pixels), expected)


def test_logits_are_the_same_in_both(pixels: Tensor) -> None:
    model = create_model("cifar_resnet8", num_classes=2, seed=0).eval()

    assert torch.allclose(model(pixels), model.module(pixels), atol=1e-6)


def test_a_gradient_has_the_layout_of_the_images(pixels: Tensor) -> None:
    pixels.requires_grad_(True)

    ordered = channels_last(pixels)
    (gradient,) = torch.autograd.grad(ordered.square().sum(), pixels)

    assert ordered.is_contiguous(memory_format=torch.channels_last)
    assert gradient.is_contiguous()
    assert torch.equal(gradient, 2 * pixels)
