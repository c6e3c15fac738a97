"""Two computations beside each other on a GPU: neither a student's forward pass nor a teacher's fills one alone."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor

A = TypeVar("A")
B = TypeVar("B")

_SIDES: dict[tuple[int, int], torch.cuda.Stream] = {}


def beside(first: Callable[[], A], second: Callable[[], B], device: torch.device) -> tuple[A, B]:
    """Return the results of two functions; on CUDA the second runs on a stream of its own.

    Args:
        first: The first function.
        second: The second function; it does not depend on the first.
        device: The device of both.
    """
    if device.type != "cuda" or torch.compiler.is_compiling():
        return first(), second()
    here = torch.cuda.current_stream(device)
    side = _side_of(here)
    side.wait_stream(here)
    with torch.cuda.stream(side):
        on_the_side = second()
    result = first()
    here.wait_stream(side)
    if not torch.cuda.is_current_stream_capturing():
        # otherwise the memory might be handed out on the side while it is still read here
        for tensor in _tensors(on_the_side):
            tensor.record_stream(here)
    return result, on_the_side


def _side_of(stream: torch.cuda.Stream) -> torch.cuda.Stream:
    key = stream.device_index, stream.stream_id
    if key not in _SIDES:
        # of another priority, because torch hands out the 32 streams of a priority in turn
        _SIDES[key] = torch.cuda.Stream(stream.device, priority=-1)
    return _SIDES[key]


def _tensors(value: Any) -> Iterable[Tensor]:
    if isinstance(value, Tensor):
        yield value
    else:
        for each in value if isinstance(value, list | tuple) else vars(value).values():
            yield from _tensors(each)
