"""A normalisation that is stored among the weights, as RobustBench and many others save it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from robustkd.models.checkpoints.foreign import without_prefixes

PAIRS = (("mean", "std"), ("mu", "sigma"), ("new_mean", "new_std"))
"""The names of mean and standard deviation, the last as in MadryLab's robustness."""

MOST_CHANNELS = 4

ATTACKER = "attacker."
"""Where MadryLab's robustness stores the whole network once more."""


@dataclass(frozen=True, eq=False)
class StoredNormalisation:
    """A normalisation, and the weights without it.

    Attributes:
        names: The names of mean and standard deviation among the weights.
        mean: The mean, one value for each channel.
        std: The standard deviation.
        rest: The other weights, without the prefix that told them apart.
        notes: What was removed.
    """

    names: tuple[str, str]
    mean: list[float]
    std: list[float]
    rest: dict[str, Tensor]
    notes: list[str]


def stored_normalisation(state: Mapping[str, Tensor]) -> StoredNormalisation | None:
    """Find mean and standard deviation of the pixels among weights.

    They are recognised by their names and by their shape: a value for each channel, in a place of their own such as
    ``normalize.mean`` and ``normalize.std``, or at the top, such as ``mu`` and ``sigma``.

    Args:
        state: The weights.

    Returns:
        The normalisation; None if there is none.
    """
    for name in state:
        place, dot, _ = name.rpartition(".")
        for names in ((f"{place}{dot}{mean}", f"{place}{dot}{std}") for mean, std in PAIRS):
            if name == names[0] and names[1] in state and _are_of_pixels(state, names, f"{place}{dot}"):
                return _taken(state, names)
    return None


def _are_of_pixels(state: Mapping[str, Tensor], names: tuple[str, str], place: str) -> bool:
    mean, std = state[names[0]], state[names[1]]
    if (
        mean.numel() != std.numel()
        or not 0 < mean.numel() <= MOST_CHANNELS
        or mean.numel() != max(mean.shape, default=1)
    ):
        return False
    alone = not place or sum(name.startswith(place) for name in state) == len(names)
    return alone and bool(torch.isfinite(mean).all()) and bool(torch.isfinite(std).all()) and bool((std > 0).all())


def _taken(state: Mapping[str, Tensor], names: tuple[str, str]) -> StoredNormalisation:
    rest = {name: tensor for name, tensor in state.items() if name not in names}
    notes = []
    if twice := [name for name in rest if name.startswith(ATTACKER)]:
        rest = {name: tensor for name, tensor in rest.items() if name not in twice}
        notes.append(f"{len(twice)} tensors of {ATTACKER!r}, which are there twice, left out")
    if names[0].startswith("0.") and all(name.startswith("1.") for name in rest):  # nn.Sequential(Normalize(), network)
        rest = {name.removeprefix("1."): tensor for name, tensor in rest.items()}
        notes.append("prefix '1.' removed")
    rest, removed = without_prefixes(rest)
    mean, std = ([float(value) for value in state[name].flatten()] for name in names)
    return StoredNormalisation(names, mean, std, rest, notes + removed)
