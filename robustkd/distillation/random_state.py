"""The random state of one training, kept apart from torch's global one."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


class RandomState:
    """The random state of a training: torch's generators have it while the training runs, and only then.

    Several trainings can therefore take turns in one process, and each draws the numbers that it would draw alone.

    Args:
        device: The device of the training. Its generator is kept apart too.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.get_rng_state()
        self._other: torch.Tensor | torch.Generator | None = None
        if device.type == "cuda":
            # a generator that shares its state: setting it copies nothing, and CUDA graphs know their state by identity
            self._other = torch.Generator(device).graphsafe_get_state()
        elif device.type == "mps":
            self._other = torch.mps.get_rng_state()

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let everything inside the context draw from this state; restore the global one afterwards."""
        outside = torch.get_rng_state(), _device_state(self._device)
        torch.set_rng_state(self._cpu)
        _set_device_state(self._device, self._other)
        try:
            yield
        finally:
            self._cpu, self._other = torch.get_rng_state(), _device_state(self._device)
            torch.set_rng_state(outside[0])
            _set_device_state(self._device, outside[1])

    def seed(self, seed: int, epoch: int) -> None:
        """Seed the state, while it is active, for an epoch.

        Args:
            seed: The seed of the training.
            epoch: The number of epochs done.
        """
        mixed = int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0])
        torch.default_generator.manual_seed(mixed)
        if self._device.type == "cuda":
            _generator(self._device).manual_seed(mixed)
        elif self._device.type == "mps":
            torch.mps.manual_seed(mixed)

    def device_state(self) -> torch.Tensor:
        """Return the state of the CUDA generator, while this state is active, as numbers."""
        return _generator(self._device).get_state()

    def renew(self, numbers: torch.Tensor) -> None:
        """Give the CUDA device another generator state, while this one is active.

        A capture that was broken off leaves the state that it used unusable.

        Args:
            numbers: What the new state is to hold, from `device_state`.
        """
        fresh = torch.Generator(self._device)
        fresh.set_state(numbers)
        _set_device_state(self._device, fresh.graphsafe_get_state())


def _generator(device: torch.device) -> torch.Generator:
    torch.cuda.init()  # there are no generators before
    index = device.index if device.index is not None else torch.cuda.current_device()
    generators: tuple[torch.Generator, ...] = torch.cuda.default_generators
    return generators[index]


def _device_state(device: torch.device) -> torch.Tensor | torch.Generator | None:
    if device.type == "cuda":
        return _generator(device).graphsafe_get_state()
    return torch.mps.get_rng_state() if device.type == "mps" else None


def _set_device_state(device: torch.device, state: torch.Tensor | torch.Generator | None) -> None:
    if isinstance(state, torch.Generator):
        _generator(device).graphsafe_set_state(state)
    elif state is not None:
        torch.mps.set_rng_state(state)
