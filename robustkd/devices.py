"""The device of a computation."""

import torch

from robustkd.errors import BadInputError


def resolve_device(name: str) -> torch.device:
    """Return an available device by its name.

    Args:
        name: ``"auto"`` (CUDA, else MPS, else CPU) or anything `torch.device` takes.

    Returns:
        The device.

    Raises:
        BadInputError: The name is not that of a device, or this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadInputError(f"device {name!r} is not available here: try --device auto or cpu") from error
    return device
