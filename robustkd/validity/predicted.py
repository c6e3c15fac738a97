"""Checks of a network's predictions for all test images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from robustkd.results.predictions import Predictions
from robustkd.results.records import Check
from robustkd.statistics.intervals import wilson

if TYPE_CHECKING:
    from torch import nn


def why_not_finite(predictions: Predictions, network: nn.Module) -> str:
    """Return why predictions cannot be used: some logits are not finite. Empty where all are.

    Args:
        predictions: The predictions for the test images.
        network: The network that made them.
    """
    wrong = int((~np.isfinite(predictions.logits)).any(axis=1).sum())
    if not wrong:
        return ""
    reason = _broken(network)
    reason = reason or "are its weights and the statistics of its normalisation layers those of the trained network?"
    return f"gives logits that are not finite for {wrong} of {len(predictions.labels)} images: {reason}"


def _broken(network: nn.Module) -> str:
    """The first tensor of a network that explains logits that are not finite; empty where none does."""
    for name, tensor in (*network.named_parameters(), *network.named_buffers()):
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            return f"its {name} is not finite"
        if name.endswith("running_var") and bool((tensor < 0).any()):
            return f"its {name} has negative values"
    return ""


FEW = 30
"""With fewer images, one standard error above chance is enough: a good network could not show more."""


def above_chance(name: str, predictions: Predictions) -> Check:
    """Check that a member is right more often than by always answering the largest class of the test labels.

    A wrong normalisation or a wrong head makes a network fail. Nothing about such a network is worth measuring: a
    failure voids all its numbers.

    Args:
        name: The name of the member.
        predictions: Its predictions for the test images.
    """
    right, count = int(predictions.correct.sum()), len(predictions.labels)
    largest = int(np.bincount(predictions.labels).max())
    if largest == count:
        return Check("better than chance", True, f"all {count} images are of one class, which tells nothing", name)
    chance = largest / count
    if count < FEW:
        passed = right / count > chance + math.sqrt(chance * (1 - chance) / count)
    else:
        passed = wilson(right, count).low > chance
    seen = f"{name} is right on {right} of {count} images; always answering the largest class is right on {largest}"
    fix = ", which is less" if passed else "; check mean, std, labels and architecture"
    return Check("better than chance", passed, seen + fix, name)
