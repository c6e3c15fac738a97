"""Where the corrupted images come from: generated on the fly, or read from the arrays of a released benchmark."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from robustkd.errors import EvaluationError
from robustkd.evaluations.corruption.options import CorruptionOptions

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import Dataset

GENERATED = " (generated)"
"""Marks a corruption whose images are not the released ones."""

REMEMBERED = 2**28
"""The bytes of corrupted images that are remembered for the next network: 1,000 of 32×32 under all corruptions."""

Stamps = tuple[tuple[str, int, int], ...]
"""Name, size and time of files: what tells whether they changed, without reading them."""

Read = Callable[[str, int], "Tensor"]
"""Returns the images of a batch with a corruption (its name) and severity (1 to 5), uint8 (B, C, H, W)."""


@dataclass(frozen=True, eq=False)
class CorruptedImages:
    """The corrupted test images.

    Attributes:
        names: The names of the corruptions.
        labels: These names as results show them.
        count: The number N of test images.
        shape: (C, H, W) of an image.
        batch_size: The largest number of images in a batch.
        read: Reads the images from one index to another.
        note: One sentence on where they come from and which corruptions are left out, without its full stop.
        files: The names, sizes and times of the files that they were read from.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    count: int
    shape: tuple[int, int, int]
    batch_size: int
    read: Callable[[int, int], Read]
    note: str
    files: Stamps = ()
    _remembered: dict[tuple[int, int, str, int], Tensor] = field(default_factory=dict, init=False, repr=False)

    def batches(self, device: object) -> Iterator[tuple[int, Read]]:
        """Read all images in order; some are remembered for the next network.

        Args:
            device: The device of the network, on which the size of batches depends.

        Yields:
            The index of the first image, and what reads the images of the batch.
        """
        from robustkd.models.batch_size import images_at_once

        step = images_at_once(self.batch_size, self.shape, device)
        for start in range(0, self.count, step):
            yield start, self._remembering(start, min(start + step, self.count))

    def shown(self, severities: Sequence[int]) -> np.ndarray:
        """Return the first image under each corruption at `shown_severities`, uint8 (C, S, H, W, channels)."""
        from robustkd.data.first_images import reduced

        read = self.read(0, 1)
        rows = [[read(name, level) for level in shown_severities(severities)] for name in self.names]
        return np.stack([np.concatenate([reduced(image) for image in row]) for row in rows])

    def _remembering(self, start: int, stop: int) -> Read:
        batch = cache(partial(self.read, start, stop))  # read once, and only if an image is not remembered

        def read(name: str, severity: int) -> Tensor:
            key, known = (start, stop, name, severity), self._remembered
            if key in known:
                return known[key]
            made = batch()(name, severity)
            if sum(each.numel() for each in known.values()) + made.numel() <= REMEMBERED:
                known[key] = made
            return made

        return read


def shown_severities(severities: Sequence[int]) -> list[int]:
    """Return the lowest, the middle and the highest severity of a report's picture."""
    ordered = sorted(severities)
    return sorted({ordered[0], ordered[len(ordered) // 2], ordered[-1]})


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
    from robustkd.data.corruptions import STANDARD, corrupt, impossible
    from robustkd.data.corruptions.constants import is_large
    from robustkd.data.corruptions.frost import read_textures
    from robustkd.data.sampled import sampled

    images = data.test
    height, width = images.shape[1:]
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
    benchmark = "ImageNet-C" if is_large(height, width) else "CIFAR-10-C"
    note = (
        f"The corrupted images were generated with the constants of {benchmark} and seed {options.seed}; they are not "
        "the released files"
    )
    textures: list[np.ndarray] = []
    files: Stamps = ()
    if "frost" in names:
        folder = options.frost_images
        textures = read_textures(folder, height, width) if folder else []
        files = _files(Path(folder).expanduser().glob("*")) if folder else ()
        note += f"; frost: the photographs in {Path(folder).name}" if folder else "; frost: generated textures"
    if left_out:
        note += "; left out: " + "; ".join(f"{name} ({reason})" for name, reason in left_out.items())
    clean, _ = sampled(images, options.images, options.seed)

    def read(start: int, stop: int) -> Read:
        import torch

        batch, at = clean.read(torch.arange(start, stop)), places[start:stop].tolist()
        return partial(corrupt, batch, seed=options.seed, indices=at, frost_textures=textures)

    labels = tuple(name + GENERATED for name in names)
    return CorruptedImages(names, labels, len(places), images.shape, options.batch_size, read, note, files)


def _released(options: CorruptionOptions, data: Dataset, places: np.ndarray) -> CorruptedImages:
    from robustkd.data.corruptions import EXTRA, STANDARD
    from robustkd.data.corruptions.arrays import CorruptionArrays

    arrays = CorruptionArrays(str(options.path), data.test)
    names = options.corruptions or tuple(name for name in arrays.names if name not in EXTRA) or arrays.names
    for name in names:
        arrays.require(name)
    note = f"The corrupted images were read from {arrays.folder.name}: {', '.join(names)}"
    missing = [] if options.corruptions else [name for name in STANDARD if name not in names]
    left_out = [] if options.corruptions else [name for name in arrays.names if name not in names]
    note += f"; missing of the benchmark's fifteen corruptions: {', '.join(missing)}" if missing else ""
    note += f"; left out, as not among the fifteen: {', '.join(left_out)}" if left_out else ""

    def read(start: int, stop: int) -> Read:
        return partial(arrays.read, places=places[start:stop])

    files = _files(arrays.folder / f"{name}.npy" for name in names)
    shape = data.test.shape
    return CorruptedImages(tuple(names), tuple(names), len(places), shape, options.batch_size, read, note, files)


def _files(files: Iterable[Path]) -> Stamps:
    seen = ((file.name, file.stat()) for file in sorted(files))
    return tuple((name, facts.st_size, facts.st_mtime_ns) for name, facts in seen)
