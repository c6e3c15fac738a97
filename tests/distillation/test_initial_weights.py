import pytest
import torch
from torch import nn

from robustkd.distillation.initial_weights import seeded_by, twin
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model


def network(seed: int) -> PixelModel:
    return create_model("cifar_resnet8", num_classes=7, in_chans=1, mean=[0.5], std=[0.25], image_size=16, seed=seed)


def first_weights(model: PixelModel) -> list[float]:
    return next(model.parameters()).flatten().tolist()


def test_a_twin_is_the_same_network_with_other_weights() -> None:
    model = network(seed=0)

    other = twin(model, 1)

    assert other.num_parameters == model.num_parameters
    assert (other.architecture, other.num_classes, other.image_size) == ("cifar_resnet8", 7, 16)
    assert (other.mean.item(), other.std.item()) == (0.5, 0.25)
    assert other(torch.rand(2, 1, 16, 16)).shape == (2, 7)
    assert first_weights(other) != first_weights(model)


def test_one_network_has_always_the_same_twins() -> None:
    assert twin(network(seed=0), 1).digest() == twin(network(seed=0), 1).digest()


def test_twins_of_one_network_differ() -> None:
    assert first_weights(twin(network(seed=0), 1)) != first_weights(twin(network(seed=0), 2))


def test_networks_of_different_seeds_have_different_twins() -> None:
    assert first_weights(twin(network(seed=0), 1)) != first_weights(twin(network(seed=1), 1))


def test_the_options_of_a_network_are_those_of_its_twin() -> None:
    model = create_model("cifar_resnet8", num_classes=10, options={"shortcut": "zero_pad"})

    assert twin(model, 1).num_parameters == 75_290


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2).tolist()
    torch.manual_seed(3)

    twin(network(seed=0), 1)
    with seeded_by(network(seed=0)):
        torch.rand(5)

    assert torch.rand(2).tolist() == expected


def test_a_network_that_timm_does_not_know_has_no_twin() -> None:
    with pytest.raises(ModelError, match="unknown architecture 'Linear-"):
        twin(PixelModel(nn.Linear(2, 3)), 1)
