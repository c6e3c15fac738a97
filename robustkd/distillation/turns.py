"""Trainings that take turns: generators that yield after each step, and contexts that hold only while they run."""

import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from typing import TypeVar

T = TypeVar("T")

Turns = Generator[int, None, T]
"""A training in steps: each value is the number of images of the step that was begun, or 0 if it waits for the device;
the value that it returns is its result.
"""

WAIT_SECONDS = 2e-4


def inside(context: Callable[[], AbstractContextManager[object]], turns: Turns[T]) -> Turns[T]:
    """Enter a context whenever a generator runs, and leave it whenever it waits for its next turn.

    Args:
        context: Makes the context anew for each turn.
        turns: The generator.

    Returns:
        A generator of the same values.
    """
    try:
        while True:
            with context():
                try:
                    step = next(turns)
                except StopIteration as end:
                    result: T = end.value
                    return result
            yield step
    finally:
        with context():
            turns.close()


def drained(turns: Turns[T]) -> T:
    """Run a generator to its end, with no other in turn, and return its result.

    Args:
        turns: The generator.
    """
    while True:
        try:
            if not next(turns):
                time.sleep(WAIT_SECONDS)
        except StopIteration as end:
            result: T = end.value
            return result
