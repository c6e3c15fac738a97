"""Random numbers for each image, which depend neither on the other images of a batch nor on the batch size.

Counter-based generators (Philox: Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011) are keyed by
seed and image, so that an image gets the same numbers in a sample of a data set as in the whole set, on every device.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

Generators = Sequence[np.random.Generator]
"""One generator for each image."""

Kind = Literal["uniform", "normal"]
"""Uniform in [0, 1), or standard normal."""


def image_generators(seed: int, images: Iterable[int], stream: int = 0) -> list[np.random.Generator]:
    """Create a generator for each image.

    Args:
        seed: The seed, not negative.
        images: The index of each image in its data set.
        stream: The number of the stream; each stream gives other numbers for the same seed and image.

    Returns:
        One generator for each image.
    """
    counter = np.array([0, 0, 0, stream], dtype=np.uint64)
    keys = (np.array([seed, image], dtype=np.uint64) for image in images)
    return [np.random.Generator(np.random.Philox(counter=counter, key=key)) for key in keys]


class DrawnImageByImage(TorchFunctionMode):
    """A context in which the numbers that torch draws for a batch come from one generator for each image.

    This concerns uniform and normal numbers whose first axis is as long as the batch, which is how attacks draw their
    random starts. All other numbers still come from torch's global generator, which does not notice those of the
    images, so they do not depend on the number of images.

    Args:
        generators: One generator for each image of the batch.
        axes: The fewest axes of what is drawn for each image; what has fewer is drawn for the batch as a whole.
        key: What the generators were created from, if nothing has been drawn from them; their first numbers are then
            remembered for others of the same key, because an attack starts at the same points on every network.
    """

    def __init__(self, generators: Generators, axes: int = 1, key: Hashable = None) -> None:
        super().__init__()
        self._generators = generators
        self._axes = axes
        self._key = key
        self._skipped: list[tuple[Kind, tuple[int, ...]]] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Replace what `func` drew by numbers from the images' generators."""
        before = torch.get_rng_state() if func in _DRAWS else None
        drawn = func(*args, **(kwargs or {}))
        if before is not None and drawn.ndim >= self._axes and len(drawn) == len(self._generators):
            torch.set_rng_state(before)
            kind, transformed = _DRAWS[func]
            numbers = self._numbers(kind, tuple(drawn.shape[1:]))
            if func in _IN_PLACE:
                numbers = transformed(numbers, *args[1:], **(kwargs or {}))
            drawn.copy_(torch.from_numpy(numbers))
        return drawn

    def _numbers(self, kind: Kind, shape: tuple[int, ...]) -> np.ndarray:
        key, self._key = self._key, None
        remembered = _remembered((key, kind, shape)) if key is not None else None
        if remembered is not None:
            self._skipped.append((kind, shape))
            return remembered
        for skipped in self._skipped:
            self._draw(*skipped)
        self._skipped.clear()
        numbers = self._draw(kind, shape)
        if key is not None:
            _remember((key, kind, shape), numbers)
        return numbers

    def _draw(self, kind: Kind, shape: tuple[int, ...]) -> np.ndarray:
        if kind == "uniform":
            return np.stack([generator.random(shape, dtype=np.float32) for generator in self._generators])
        return np.stack([generator.standard_normal(shape, dtype=np.float32) for generator in self._generators])


REMEMBERED_BYTES = 2**28
"""The most memory for remembered numbers: the starts for the test set of CIFAR-10 need half of it."""

_MEMORY: OrderedDict[Hashable, np.ndarray] = OrderedDict()


def _remembered(key: Hashable) -> np.ndarray | None:
    if key in _MEMORY:
        _MEMORY.move_to_end(key)
    return _MEMORY.get(key)


def _remember(key: Hashable, numbers: np.ndarray) -> None:
    _MEMORY[key] = numbers
    while sum(each.nbytes for each in _MEMORY.values()) > REMEMBERED_BYTES:
        _MEMORY.popitem(last=False)


@contextmanager
def numpy_seeded_by(generator: np.random.Generator) -> Iterator[None]:
    """Seed NumPy's global random state from a generator, and restore the state afterwards.

    For code of other libraries that draws from the global state and takes no seed.

    Args:
        generator: The generator that the seed is drawn from.
    """
    state = np.random.get_state()
    np.random.seed(generator.integers(2**32, size=8, dtype=np.uint32))
    try:
        yield
    finally:
        np.random.set_state(state)


def _uniform(numbers: np.ndarray, low: float = 0.0, high: float = 1.0, **_: Any) -> np.ndarray:
    return low + (high - low) * numbers


def _normal(numbers: np.ndarray, mean: float = 0.0, std: float = 1.0, **_: Any) -> np.ndarray:
    return mean + std * numbers


_IN_PLACE = (Tensor.uniform_, Tensor.normal_)
_DRAWS: dict[Any, tuple[Kind, Callable[..., np.ndarray]]] = {
    Tensor.uniform_: ("uniform", _uniform),
    Tensor.normal_: ("normal", _normal),
    torch.rand: ("uniform", _uniform),
    torch.rand_like: ("uniform", _uniform),
    torch.randn: ("normal", _normal),
    torch.randn_like: ("normal", _normal),
}
