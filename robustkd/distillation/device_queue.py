"""Waiting for a device that works behind the CPU, without keeping other trainings of the process from it."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor

STEPS_AHEAD = 32
"""A training is at most twice as many steps ahead of its device, so that trainings that take turns share it evenly."""


class Pace:
    """Keeps the CPU a few steps ahead of a device.

    Args:
        device: The device; only CUDA works behind the CPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._behind = device.type == "cuda"
        self._steps = 0
        self._mark: torch.cuda.Event | None = None

    def step(self) -> Iterator[None]:
        """Count a step that was given to the device; yield for as long as the CPU is too far ahead."""
        self._steps += 1
        if not self._behind or self._steps % STEPS_AHEAD:
            return
        before, self._mark = self._mark, _mark()
        while before is not None and not before.query():
            yield


class Clock:
    """Measures how long a device works on what it is given, from the creation of the clock on.

    Args:
        device: The device.
    """

    def __init__(self, device: torch.device) -> None:
        self._start: float | torch.cuda.Event = _now(device)
        self._device = device
        self._end = self._start

    def stop(self) -> None:
        """End the measurement with what the device was given last."""
        self._end = _now(self._device)

    @property
    def seconds(self) -> float:
        """The time, in seconds; the device must have done what it was given."""
        if isinstance(self._start, torch.cuda.Event) and isinstance(self._end, torch.cuda.Event):
            return self._start.elapsed_time(self._end) / 1000
        return float(self._end) - float(self._start)  # type: ignore[arg-type]  # both are numbers


class OnTheWay:
    """Tensors on their way to the CPU.

    Args:
        tensors: The tensors, all on one device.
    """

    def __init__(self, *tensors: Tensor) -> None:
        self._copies = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
        self._mark = _mark() if any(tensor.is_cuda for tensor in tensors) else None

    def arrive(self) -> Iterator[None]:
        """Yield until the tensors are there."""
        while self._mark is not None and not self._mark.query():
            yield

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors on the CPU, once they have arrived."""
        return self._copies


def _mark() -> torch.cuda.Event:
    event = torch.cuda.Event()
    event.record()
    return event


def _now(device: torch.device) -> float | torch.cuda.Event:
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event
