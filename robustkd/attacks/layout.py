"""The memory layout in which a GPU convolves fastest, for as long as networks are attacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


@contextmanager
def channels_last(models: Sequence[nn.Module]) -> Iterator[None]:
    """Keep the weights of networks on a GPU in channels-last layout; on a CPU, that of the images is enough.

    Args:
        models: The networks, which get back their contiguous layout afterwards.
    """
    import torch

    from robustkd.models.layout import takes_channels_last

    models = [model for model in models if _on_gpu(model) and takes_channels_last(model)]
    hooks = []
    for model in models:
        model.to(memory_format=torch.channels_last)
        hooks.append(model.register_forward_pre_hook(_contiguous_gradient))
    try:
        yield
    finally:
        for model, hook in zip(models, hooks, strict=True):
            hook.remove()
            model.to(memory_format=torch.contiguous_format)


def _on_gpu(model: nn.Module) -> bool:
    return any(tensor.is_cuda for tensor in (*model.parameters(), *model.buffers()))


def _contiguous_gradient(model: Any, inputs: tuple[Tensor]) -> None:
    """Convert the gradient to the memory layout of the image; torchattacks' PGDL2 fails with any other layout."""
    if inputs[0].requires_grad:
        inputs[0].register_hook(lambda gradient: gradient.contiguous())
