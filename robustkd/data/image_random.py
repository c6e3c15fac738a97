"""Random numbers that belong to an image: neither its neighbours in a batch nor the batch size change them.

Counter-based generators (Philox: Salmon et al., *Parallel Random Numbers: As Easy as 1, 2, 3*, SC 2011) are keyed by
seed and image, so that a sample of a data set gets the very numbers that the whole set does, on every device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def image_generators(seed: int, images: Iterable[int], stream: int = 0) -> list[np.random.Generator]:
    """Give each image its own generator.

    Args:
        seed: Of them all, not negative.
        images: Where each image stands in its data set.
        stream: Another stream gives other numbers for the same seed and image.

    Returns:
        One generator for each image.
    """
    counter = np.array([0, 0, 0, stream], dtype=np.uint64)
    keys = (np.array([seed, image], dtype=np.uint64) for image in images)
    return [np.random.Generator(np.random.Philox(counter=counter, key=key)) for key in keys]


class DrawnImageByImage(TorchFunctionMode):
    """Within this context, what torch draws for a batch is drawn image by image from generators of their own.

    It concerns uniform and normal numbers whose first axis is as long as the batch: how attacks draw their starts. Any
    other draw goes to torch's global generator as ever.

    Args:
        generators: One for each image of the batch.
    """

    def __init__(self, generators: Sequence[np.random.Generator]) -> None:
        super().__init__()
        self._generators = generators

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Fill what `func` drew with the images' own numbers."""
        drawn = func(*args, **(kwargs or {}))
        if func in _DRAWS and drawn.ndim and len(drawn) == len(self._generators):
            own = _DRAWS[func](*args[1:], **(kwargs or {})) if func in _IN_PLACE else _DRAWS[func]()
            shape = tuple(drawn.shape[1:])
            drawn.copy_(torch.from_numpy(np.stack([own(generator, shape) for generator in self._generators])))
        return drawn


def _uniform(low: float = 0.0, high: float = 1.0, **_: Any) -> Draw:
    return lambda generator, shape: low + (high - low) * generator.random(shape, dtype=np.float32)


def _normal(mean: float = 0.0, std: float = 1.0, **_: Any) -> Draw:
    return lambda generator, shape: mean + std * generator.standard_normal(shape, dtype=np.float32)


_IN_PLACE = (Tensor.uniform_, Tensor.normal_)
_DRAWS: dict[Any, Callable[..., Draw]] = {
    Tensor.uniform_: _uniform,
    Tensor.normal_: _normal,
    torch.rand: _uniform,
    torch.rand_like: _uniform,
    torch.randn: _normal,
    torch.randn_like: _normal,
}
