"""Functions replayed from CUDA graphs: one launch instead of hundreds, which take small networks most of their time.

A graph repeats the kernels that a call has launched, on the same memory. Python does not run again, so a function may
be captured only if it reads nothing from the device and draws nothing on the CPU. Both are watched while the function
still runs as it is; one that does so, or whose capture fails, is never captured, and one line says why.
"""

import gc
import random
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np
import torch

from robustkd.distillation.random_state import RandomState

T = TypeVar("T")

EAGER_CALLS = 2
"""The calls before a function is captured: libraries set themselves up in the first, and the second is watched."""

MOST_KEYS = 64
"""Graphs need memory and a moment each; a function that would need more is not worth capturing."""


@dataclass(frozen=True, eq=False)
class _Captured:
    graph: torch.cuda.CUDAGraph
    result: Any


class Graphs:
    """Calls functions, and from their third call on replays what they did.

    Args:
        device: The device that the functions run on; on all but CUDA they are called each time.
        random_state: The random state that the functions draw from.
        tell: Is given the reason, in one line, when nothing more will be captured.
        on: Whether anything is to be captured.
    """

    def __init__(
        self, device: torch.device, random_state: RandomState, tell: Callable[[str], None], *, on: bool = True
    ) -> None:
        self._random_state = random_state
        self._tell = tell
        self._captures = device.type == "cuda" and on
        self._calls: Counter[Hashable] = Counter()
        self._captured: dict[Hashable, _Captured] = {}
        self._pool = torch.cuda.graph_pool_handle() if self._captures else None

    def call(self, key: Hashable, function: Callable[[], T]) -> T:
        """Call a function, or replay it.

        Args:
            key: Everything in Python that the function depends on; functions with equal keys are the same.
            function: The function. It works on the same tensors at each call.

        Returns:
            What the function returned; tensors in it are overwritten by the next call.
        """
        captured = self._captured.get(key)
        if captured is not None:
            captured.graph.replay()
            return cast(T, captured.result)
        if not self._captures:
            return function()
        self._calls[key] += 1
        if len(self._calls) > MOST_KEYS:
            self.give_up("too many different steps")
        if self._calls[key] < EAGER_CALLS:
            return function()
        if self._calls[key] == EAGER_CALLS:
            return self._watched(function)
        return self._capture(key, function)

    def forget(self) -> None:
        """Free all graphs, because the functions will not be called again."""
        self._calls.clear()
        self._captured.clear()
        if self._captures:
            self._pool = torch.cuda.graph_pool_handle()  # the memory of a pool ends with its last graph

    def give_up(self, reason: str) -> None:
        """Capture nothing more.

        Args:
            reason: Why, as the end of a sentence.
        """
        if self._captures:
            self._captures = False
            self._captured.clear()
            self._tell(f"without CUDA graphs, which makes it slower: {reason}")

    def _watched(self, function: Callable[[], T]) -> T:
        before = _cpu_random_states()
        with _synchronisations() as found:
            result = function()
        if found:
            self.give_up("a step reads numbers from the device")
        elif _cpu_random_states() != before:
            self.give_up("a step draws random numbers on the CPU")
        return result

    def _capture(self, key: Hashable, function: Callable[[], T]) -> T:
        graph = torch.cuda.CUDAGraph()
        state = self._random_state.device_state()
        gc.collect()  # otherwise a collection during the capture could free memory of the device
        try:
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                result = function()
            finally:
                graph.capture_end()
        except RuntimeError as error:
            self._random_state.renew(state)
            self.give_up((str(error).strip().splitlines() or [type(error).__name__])[0])
            return function()
        graph.replay()
        if self._captures:
            self._captured[key] = _Captured(graph, result)
        return result


@contextmanager
def _synchronisations() -> Iterator[list[str]]:
    """Collect the places at which the CPU waited for the device."""
    found: list[str] = []
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode(before)
    for each in caught:
        if "called a synchronizing" in str(each.message):
            found.append(str(each.message))
        elif "debug mode is a prototype" not in str(each.message):  # said of the watch itself
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


def _cpu_random_states() -> tuple[bytes, str, str]:
    drawn = torch.get_rng_state().numpy().tobytes()
    return drawn, repr(random.getstate()), repr(np.random.get_state(legacy=False))
