"""The optimiser of a stage."""

from typing import Any

import torch
from torch import Tensor, nn

from robustkd.distillation.recipe import Recipe


def build_optimiser(parameters: list[nn.Parameter], recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    """Build the optimiser of a recipe, such that its step can be captured in a CUDA graph.

    Args:
        parameters: What it optimises.
        recipe: The recipe; its learning rate is that of epoch 0 without warm-up.
        device: The device of the parameters. On CUDA the learning rate is a tensor there, because a graph would keep a
            number.
    """
    on_gpu = device.type == "cuda"
    rate: Any = torch.tensor(recipe.learning_rate, device=device) if on_gpu else recipe.learning_rate
    fused = device.type in ("cpu", "cuda", "mps")
    decay = recipe.weight_decay
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=fused, capturable=on_gpu)
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=fused, capturable=on_gpu)
    momentum, nesterov = recipe.momentum, recipe.nesterov
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay, nesterov=nesterov, fused=fused)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters; a tensor is filled in place, so that CUDA graphs see it.

    Args:
        optimiser: The optimiser.
        rate: The learning rate.
    """
    for group in optimiser.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def restore_optimiser(optimiser: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load the saved state of an optimiser; the learning rate stays what and where it is.

    Args:
        optimiser: The optimiser.
        state: Its state, from a training on any device.
    """
    rates = [group["lr"] for group in optimiser.param_groups]
    optimiser.load_state_dict(state)
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        group["lr"] = rate
        if "capturable" in group:
            group["capturable"] = isinstance(rate, Tensor)
