"""The precision of a computation on a device: which float formats its convolutions and matrix products use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Precision = Literal["float32", "tf32", "bfloat16"]
"""``float32`` is IEEE single precision throughout. ``tf32`` lets NVIDIA GPUs round the inputs of convolutions and
matrix products to 10 bits of mantissa; every other device computes it as float32. ``bfloat16`` is autocast, as torch
chooses it for each operation, and the rest as in ``tf32``.
"""


@contextmanager
def tensor_float32(allowed: bool) -> Iterator[None]:
    """Allow TF32 in convolutions and matrix products on NVIDIA GPUs, or forbid it; restore the setting afterwards.

    Without this, torch computes convolutions in TF32 and matrix products in float32.

    Args:
        allowed: Whether TF32 is allowed.
    """
    import torch

    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before


@contextmanager
def deterministic_convolutions() -> Iterator[None]:
    """Let cuDNN choose among algorithms that give the same bits each time; restore the setting afterwards.

    On the networks of the papers, on an H200, this costs nothing.
    """
    import torch

    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which networks run their forward pass; it does nothing unless `precision` is bfloat16.

    Args:
        precision: The precision.
        device: The device of the networks.
    """
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def precision_on(device: torch.device, precision: Precision) -> Precision:
    """Return the precision that a device really computes in: only NVIDIA GPUs have TF32.

    Args:
        device: The device.
        precision: The precision that was asked for.
    """
    return "float32" if precision == "tf32" and device.type != "cuda" else precision
