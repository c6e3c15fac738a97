"""The likeliest reason for an accuracy near chance of a network that was trained elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robustkd.models.preprocessing import NOT_STATED

if TYPE_CHECKING:
    from robustkd.models import Member
    from robustkd.results.predictions import Predictions
    from robustkd.results.records import Check

NEAR = 0.1
"""The share of the way from chance to no error below which an accuracy is near chance."""

MOST = 0.5
"""The share of images from which on one class is answered for nearly everything."""


def near_chance(member: Member, predictions: Predictions, order: Check, data_name: str, channels: int) -> str:
    """Say why a network may be near chance, and how to find out; empty where it is not, or robustkd made it.

    Args:
        member: The network.
        predictions: Its predictions for the test images.
        order: The check of the order of its classes.
        data_name: The name of the data set.
        channels: The number of channels of the images.

    Returns:
        A sentence without its full stop.
    """
    labels = predictions.labels
    chance, accuracy = float(np.bincount(labels).max() / len(labels)), float(predictions.correct.mean())
    if {"method", "untrained"} & member.model.lineage.keys() or chance == 1 or accuracy >= chance + NEAR * (1 - chance):
        return ""
    reason = _reason(member, predictions, order, channels)
    return (
        f"{member.name} has an accuracy of {100 * accuracy:.1f} %, near chance ({100 * chance:.1f} %), most likely "
        f"because {reason}: robustkd doctor --data {data_name} --models {member.method}=… tries other settings"
    )


def _reason(member: Member, predictions: Predictions, order: Check, channels: int) -> str:
    if not order.passed:
        return "its classes are in another order"
    if member.model.lineage.get("normalisation") == NOT_STATED:
        return "its normalisation is not stated"
    if float(np.bincount(predictions.predicted).max() / len(predictions.labels)) > MOST:
        return "its normalisation is another one (it answers one class for most images)"
    colours = " or the order of its channels" if channels == 3 else ""
    return f"its normalisation{colours} is another one, or it was not trained on this data"
