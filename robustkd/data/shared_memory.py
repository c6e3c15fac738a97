"""Tensors that several trainings of one process share: a copy for each device, and one for each selection of images.

Nothing is kept alive: a copy is forgotten with its last user.
"""

import hashlib
import weakref
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

_COPIES: WeakTensorKeyDictionary = WeakTensorKeyDictionary()


def moved(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Return a tensor on a device; the same copy for everyone who asks for it.

    Args:
        tensor: The tensor; it is not to be changed.
        device: The device.
    """
    return _shared(tensor, f"on {torch.device(device)}", lambda: tensor.to(device))


def selected(tensor: Tensor, indices: Tensor) -> Tensor:
    """Return some rows of a tensor; the same copy for everyone who asks for them, and no copy if these are all rows.

    Args:
        tensor: (N, …); it is not to be changed.
        indices: The rows, int64 (n,).

    Returns:
        (n, …), on the device of the tensor.
    """
    if len(indices) == len(tensor) and bool((indices.cpu() == torch.arange(len(tensor))).all()):
        return tensor
    key = hashlib.sha256(indices.cpu().contiguous().numpy().tobytes()).hexdigest()
    return _shared(tensor, f"rows {key}", lambda: tensor[indices.to(tensor.device)])


def _shared(tensor: Tensor, key: str, make: Callable[[], Tensor]) -> Tensor:
    copies: dict[str, weakref.ReferenceType[Tensor]] = _COPIES.setdefault(tensor, {})
    held = copies[key]() if key in copies else None
    if held is None:
        held = make()
        # a tensor that refers to itself here would be found as long as it lives, which is what is wanted
        copies[key] = weakref.ref(held)
    return held
