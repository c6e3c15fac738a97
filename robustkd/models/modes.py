"""Check that networks are in evaluation mode: in training mode their outputs differ, and each use changes them."""

from collections.abc import Iterable

from torch import nn


def in_evaluation_mode(models: Iterable[nn.Module]) -> bool:
    """Return whether no module of any model is in training mode."""
    return not any(part.training for model in models for part in model.modules())
