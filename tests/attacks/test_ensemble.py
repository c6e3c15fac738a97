import torch

from robustkd.attacks.ensemble import AveragedLogits

from ..conftest import network


def test_logits_are_averaged() -> None:
    models = [network(seed).eval() for seed in (3, 4)]
    pixels = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    together = AveragedLogits(models)

    assert torch.allclose(together(pixels), (models[0](pixels) + models[1](pixels)) / 2, atol=1e-6)
    assert not any(module.training for module in together.modules())
