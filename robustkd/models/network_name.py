"""The name of a network that the user did not name: timm's, else its class and a digest of its layers."""

import hashlib
from collections.abc import Mapping

from torch import nn

_WRAPPING = ("module", "_orig_mod")
"""Where `DataParallel`, `DistributedDataParallel` and `AveragedModel`, and where `torch.compile` keep the network."""


def network_name(module: nn.Module) -> str:
    """Return the name of a network's architecture.

    Wrappers that leave the architecture as it is are seen through (`unwrapped`). Two networks of the same class have
    the same name only if they have the same layers, because a class such as `Sequential` or `ResNet` does not tell.

    Args:
        module: The network.

    Returns:
        timm's name where there is one, else the name of the class and four digits of a digest over its layers, such as
        ``ResNet-3f0a``.
    """
    network = unwrapped(module)
    return _timm_name(network) or named_by_layers(type(network).__name__, network)


def named_by_layers(name: str, network: nn.Module) -> str:
    """Append four digits of a digest over the layers to a name that does not tell them."""
    return f"{name}-{_layers(network)[:4]}"


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the network inside wrappers: data parallelism, compilation, averaging, normalisation, a temperature.

    Args:
        module: The network, possibly wrapped, as in ``nn.Sequential(Normalize(), network)``.

    Returns:
        The innermost network; the module itself where it is not wrapped.
    """
    learned = {name: child for name, child in module.named_children() if any(True for _ in child.parameters())}
    if len(learned) != 1 or any(True for _ in module.parameters(recurse=False)):
        return module
    ((name, child),) = learned.items()
    inner = unwrapped(child)
    if name in _WRAPPING or _timm_name(inner):
        return inner
    return inner if isinstance(module, nn.Sequential) and any(True for _ in child.children()) else module


def _timm_name(network: nn.Module) -> str:
    cfg = getattr(network, "pretrained_cfg", None)
    known = cfg.get("architecture") if isinstance(cfg, Mapping) else getattr(cfg, "architecture", None)
    return str(known or "")


def _layers(network: nn.Module) -> str:
    parts = [
        f"{name} {type(part).__qualname__} {part.extra_repr()}"
        for name, part in network.named_modules()
        if not isinstance(part, nn.modules.dropout._DropoutNd)  # says how the network was trained
    ]
    sizes = [f"{name} {tuple(parameter.shape)}" for name, parameter in network.named_parameters()]
    return hashlib.sha256("\n".join([*parts, *sizes]).encode()).hexdigest()
