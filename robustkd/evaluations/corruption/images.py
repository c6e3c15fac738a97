"""Where the corrupted images come from: generated on the fly, or read from the arrays of a released benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from robustkd.errors import EvaluationError
from robustkd.evaluations.corruption.options import CorruptionOptions

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import Dataset

GENERATED = " (generated)"
"""Marks a corruption whose images are not the released ones."""


@dataclass(frozen=True)
class CorruptedImages:
    """The corrupted test images.

    Attributes:
        names: The names of the corruptions.
        labels: These names as results show them.
        batches: For each batch of the test images in order, given the largest number in one, a function that returns
            them with a corruption (its name) and severity (1 to 5), uint8 (B, C, H, W).
        note: One sentence on where they come from and which corruptions are left out, without its full stop.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    batches: Callable[[int], Iterator[Callable[[str, int], Tensor]]]
    note: str


def corrupted_images(options: CorruptionOptions, data: Dataset, places: np.ndarray) -> CorruptedImages:
    """Find out which corruptions there are for a data set, and how to get their images.

    Args:
        options: The options of the evaluation.
        data: The data set.
        places: The indices of the test images to corrupt, int64 (N,).

    Returns:
        The corrupted images, which are generated or read batch by batch.

    Raises:
        EvaluationError: None of the corruptions can be generated from these images.
        DataError: The arrays do not belong to these images.
    """
    return _released(options, data, places) if options.path else _generated(options, data, places)


def _generated(options: CorruptionOptions, data: Dataset, places: np.ndarray) -> CorruptedImages:
    from robustkd.data.corruptions import NOT_MADE, STANDARD, corrupt, impossible

    images = data.test
    wanted = options.corruptions or STANDARD
    reasons = {name: impossible(name, images.shape) for name in wanted}
    names = tuple(name for name, reason in reasons.items() if not reason)
    if not names:
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise EvaluationError(
            f"corruption: none of the corruptions can be generated from these images: {listed}; choose others in "
            "`corruptions`"
        )
    left_out = {name: reason for name, reason in reasons.items() if reason}
    left_out |= {} if options.corruptions else NOT_MADE
    note = (
        f"The corrupted images were generated with the constants of CIFAR-10-C and seed {options.seed}; they are not "
        "the released files"
    )
    if left_out:
        note += "; left out: " + "; ".join(f"{name} ({reason})" for name, reason in left_out.items())
    clean = images.subset(images.sample_indices(options.images, options.seed))

    def batches(batch_size: int) -> Iterator[Callable[[str, int], Tensor]]:
        start = 0
        for batch in clean.read_batches(batch_size):
            at = places[start : start + len(batch)].tolist()
            yield partial(corrupt, batch, seed=options.seed, indices=at)
            start += len(batch)

    return CorruptedImages(names, tuple(name + GENERATED for name in names), batches, note)


def _released(options: CorruptionOptions, data: Dataset, places: np.ndarray) -> CorruptedImages:
    from robustkd.data.corruptions import EXTRA, STANDARD
    from robustkd.data.corruptions.arrays import CorruptionArrays

    arrays = CorruptionArrays(str(options.path), data.test)
    standard = (*STANDARD, "frost", "snow")
    names = options.corruptions or tuple(name for name in arrays.names if name not in EXTRA) or arrays.names
    for name in names:
        arrays.require(name)
    note = f"The corrupted images were read from {arrays.folder.name}: {', '.join(names)}"
    missing = [] if options.corruptions else [name for name in standard if name not in names]
    left_out = [] if options.corruptions else [name for name in arrays.names if name not in names]
    note += f"; missing of the benchmark's fifteen corruptions: {', '.join(missing)}" if missing else ""
    note += f"; left out, as not among the fifteen: {', '.join(left_out)}" if left_out else ""

    def batches(batch_size: int) -> Iterator[Callable[[str, int], Tensor]]:
        for start in range(0, len(places), batch_size):
            yield partial(arrays.read, places=places[start : start + batch_size])

    return CorruptedImages(tuple(names), tuple(names), batches, note)
