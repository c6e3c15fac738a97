"""How many trainings share a GPU: as many as fit its memory and still raise its throughput."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping

import torch

MOST = 8
"""The largest number that is tried: four small networks fill a large GPU."""

GAIN = 1.03
"""One more training must raise the throughput by this factor, or no further one is tried."""

SECONDS = 2.0
"""The length of a measurement."""

SETTLING_IMAGES = 20_000
"""A training is measured after this many images: its first steps are slower, and are captured."""


class Sharing:
    """Decides how many trainings run at the same time.

    Trainings differ in speed, so their images are not added up. With n trainings and one more, the throughput rises by
    the factor (n + 1) / n times the mean slowdown of the n trainings, whatever each of them does.

    Args:
        device: The device; on all but CUDA, `most` is 1 if it is None.
        most: The number of trainings at the same time; None to find it out.
        clock: Returns the time, in seconds.
    """

    def __init__(self, device: torch.device, most: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._device = device
        self._clock = clock
        self._settled = most is not None or device.type != "cuda"
        self.slots = most or 1
        self._images: dict[str, int] = {}
        self._window: tuple[float, dict[str, int]] | None = None
        self._before: dict[str, float] = {}

    def count(self, id_: str, images: int) -> None:
        """Count images that a training was given."""
        if not self._settled:
            self._images[id_] = self._images.get(id_, 0) + images

    def limit(self, slots: int) -> None:
        """Run no more than this many trainings from now on."""
        self.slots, self._settled = min(slots, self.slots), True

    def decide(self, running: Iterable[str]) -> None:
        """Measure, and admit one more training if that pays.

        Args:
            running: The trainings that run.
        """
        ids = list(running)
        if self._settled or len(ids) < self.slots or any(self._images.get(id_, 0) < SETTLING_IMAGES for id_ in ids):
            self._window = None
            return
        now = self._clock()
        if self._window is None or set(self._window[1]) != set(ids):
            self._window = now, {id_: self._images[id_] for id_ in ids}
            return
        start, counted = self._window
        if now - start < SECONDS:
            return
        rates = {id_: (self._images[id_] - counted[id_]) / (now - start) for id_ in ids}
        self._window = None
        if self._before and throughput_gain(self._before, rates) < GAIN:
            self._settle("more would not be faster")
            return
        if self.slots == MOST:
            self._settle("more are not tried")
            return
        if not self._has_memory_for_another():
            self._settle("its memory has no room for more")
            return
        self._before = rates
        self.slots += 1

    def _settle(self, reason: str) -> None:
        self._settled = True
        print(f"{self._device} trains {self.slots} networks at a time; {reason}", file=sys.stderr, flush=True)

    def _has_memory_for_another(self) -> bool:
        used = torch.cuda.memory_reserved(self._device) / self.slots
        free, _ = torch.cuda.mem_get_info(self._device)
        return free > 1.5 * used


def throughput_gain(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return the factor by which more trainings at the same time raise the throughput.

    Args:
        before: The rate of each training, in images per second, before others were admitted.
        after: The rates with the others.

    Returns:
        The mean slowdown of the trainings in both, times the ratio of their numbers; infinite if none is in both.
    """
    common = [after[id_] / before[id_] for id_ in before if id_ in after and before[id_] > 0]
    if not common:
        return float("inf")
    return sum(common) / len(common) * len(after) / len(before)
