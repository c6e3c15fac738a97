"""The copy of a network that gradients are taken of, in the precision that adversarial examples are crafted in.

An attack in an ε-ball follows directions, which a lower precision hardly changes; whether an example fools a network is
always decided by the network itself, in float32. Batch normalisation with fixed statistics is one multiplication and
one addition for each channel, for which the general code is slow in the backward pass.
"""

from __future__ import annotations

import copy
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, nn

from robustkd.arithmetic import Precision, autocast, precision_on
from robustkd.attacks.attack import CraftingPrecision

if TYPE_CHECKING:
    from robustkd.models import PixelModel


def crafting_precision(precision: CraftingPrecision, device: torch.device) -> Precision:
    """Return the precision that examples are crafted in on a device.

    Args:
        precision: The precision as the user gave it.
        device: The device.
    """
    if precision == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    return precision_on(device, precision)


def crafting_network(source: PixelModel, precision: Precision, pixels: Tensor) -> nn.Module:
    """Return the network to take gradients of.

    Args:
        source: The network under attack, in evaluation mode.
        precision: The precision.
        pixels: A few images, float32 (B, C, H, W), that show how the parts of the network follow each other.

    Returns:
        The network itself, unless the precision is bfloat16 and it can be copied.
    """
    if precision != "bfloat16":
        return source
    try:
        network = copy.deepcopy(source).requires_grad_(False)
    except (RuntimeError, TypeError):  # a program or a quantised network may refuse
        return source
    _fold_into_convolutions(network, pixels)
    _replace_batch_norms(network)
    return _InBfloat16(network).eval()


@torch.no_grad()
def _fold_into_convolutions(network: nn.Module, pixels: Tensor) -> None:
    """Fold batch normalisations into the convolutions whose output they take, where nothing else takes it."""
    expected = network(pixels)
    close = 1e-4 * float(expected.abs().max())
    names = {module: name for name, module in network.named_modules()}
    for conv, norm in _followed_by_norm(network, pixels):
        weight, bias = conv.weight, conv.bias
        parent, _, name = names[norm].rpartition(".")
        affine = ChannelAffine(norm)
        scale, shift = affine.scale.flatten(), affine.shift.flatten()
        conv.weight = nn.Parameter(weight * scale[:, None, None, None], requires_grad=False)
        conv.bias = nn.Parameter(shift if bias is None else bias * scale + shift, requires_grad=False)
        setattr(network.get_submodule(parent), name, nn.Identity())
        if not torch.allclose(network(pixels), expected, rtol=1e-3, atol=close):
            # the output of the convolution is used elsewhere too
            conv.weight, conv.bias = weight, bias
            setattr(network.get_submodule(parent), name, norm)


def _followed_by_norm(network: nn.Module, pixels: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    outputs: list[tuple[Tensor, nn.Conv2d]] = []
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    calls: Counter[nn.Module] = Counter()

    def see(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls[module] += 1
        if isinstance(module, nn.Conv2d):
            outputs.append((output, module))
        elif _is_plain(module):
            pairs.extend((conv, module) for held, conv in outputs if held is inputs[0])

    hooks = [module.register_forward_hook(see) for module in network.modules()]
    network(pixels)
    for hook in hooks:
        hook.remove()
    return [(conv, norm) for conv, norm in pairs if calls[conv] == calls[norm] == 1]


class _InBfloat16(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        with autocast("bfloat16", pixels.device):
            logits: Tensor = self.network(pixels)
        return logits.float()


class ChannelAffine(nn.Module):
    """Batch normalisation with fixed statistics: y = x · γ/√(σ² + ε) + (β − μ · γ/√(σ² + ε)).

    Args:
        norm: The batch normalisation of maps (B, C, H, W), whose statistics are taken over.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = (norm.running_var + norm.eps).rsqrt()
        scale = scale * norm.weight.detach() if norm.affine else scale
        shift = -norm.running_mean * scale
        shift = shift + norm.bias.detach() if norm.affine else shift
        self.register_buffer("scale", scale[:, None, None])
        self.register_buffer("shift", shift[:, None, None])

    def forward(self, maps: Tensor) -> Tensor:
        """Scale and shift each channel of maps, (B, C, H, W)."""
        return torch.addcmul(self.shift.to(maps.dtype), maps, self.scale.to(maps.dtype))


def _replace_batch_norms(network: nn.Module) -> None:
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if _is_plain(child):
                setattr(module, name, ChannelAffine(child))


def _is_plain(module: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    # subclasses, such as timm's with an activation, do more
    return type(module) is nn.BatchNorm2d and module.running_mean is not None
