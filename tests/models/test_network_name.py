import pytest
import timm
import torch
from torch import Tensor, nn

from robustkd.models.network_name import network_name


class Net(nn.Module):
    def __init__(self, width: int = 4, dropout: float = 0.0) -> None:
        super().__init__()
        self.first, self.drop, self.second = nn.Linear(8, width), nn.Dropout(dropout), nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.drop(self.first(x.flatten(1)).relu()))


class Normalise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x - 0.5) / 0.25


class Cooled(nn.Module):
    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x) / self.temperature


def resnet() -> nn.Module:
    return timm.create_model("cifar_resnet8", num_classes=3)


@pytest.mark.parametrize(
    "wrapped",
    [
        resnet(),
        nn.DataParallel(resnet()),
        torch.compile(resnet()),
        nn.Sequential(Normalise(), resnet()),
        nn.Sequential(Normalise(), nn.DataParallel(resnet()), nn.Softmax(1)),
        torch.optim.swa_utils.AveragedModel(resnet()),
        Cooled(resnet(), 5.0),
    ],
)
def test_wrappers_are_seen_through_to_a_network_of_timm(wrapped: nn.Module) -> None:
    assert network_name(wrapped) == "cifar_resnet8"


@pytest.mark.parametrize("wrapped", [nn.DataParallel(Net()), nn.Sequential(Normalise(), Net()), Net(dropout=0.5)])
def test_wrappers_are_seen_through_to_any_network(wrapped: nn.Module) -> None:
    assert network_name(wrapped) == network_name(Net())


def test_networks_of_one_class_have_one_name_only_if_they_have_the_same_layers() -> None:
    assert network_name(Net()).startswith("Net-")
    assert network_name(Net(4)) != network_name(Net(5))
    assert network_name(nn.Sequential(nn.Linear(8, 3), nn.ReLU())) != network_name(nn.Sequential(nn.Linear(8, 3)))


def test_a_chain_of_single_layers_is_not_taken_for_one_of_them() -> None:
    assert network_name(nn.Sequential(nn.Flatten(), nn.Linear(8, 3))).startswith("Sequential-")
