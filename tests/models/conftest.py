from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

Unsettle = Callable[[nn.Module], nn.Module]


@pytest.fixture
def pixels() -> Tensor:
    """Four RGB images of 32×32."""
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="session")
def unsettle() -> Unsettle:
    """Set different statistics, gains and offsets in every normalisation of a network, as after training."""

    def apply(network: nn.Module) -> nn.Module:
        generator = torch.Generator().manual_seed(1)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for values in (module.weight.data, module.running_var):
                    values.uniform_(0.5, 1.5, generator=generator)
                for values in (module.bias.data, module.running_mean):
                    values.normal_(0, 0.3, generator=generator)
        return network

    return apply
