"""Progress bars on a terminal; elsewhere, one plain line for each long task."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

PLAIN_LINE_AFTER_SECONDS = 2.0

_bars: Progress | None = None


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show the progress of a task; nested tasks share one display.

    Args:
        description: The name of the task, for example ``"train hinton, seed 0"``.
        total: The number of units of work (epochs, images, …).

    Yields:
        A function ``advance(count)``, to call with the number of units after each piece of work.
    """
    if sys.stderr.isatty():
        with _bar(description, total) as advance:
            yield advance
        return
    start = time.monotonic()
    yield lambda count: None
    seconds = time.monotonic() - start
    if seconds >= PLAIN_LINE_AFTER_SECONDS:
        print(f"{description}: done in {seconds:.0f} s", file=sys.stderr, flush=True)


@contextmanager
def _bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    global _bars
    outermost = _bars is None
    if _bars is None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        _bars = Progress(*columns, console=Console(stderr=True), transient=True)
        _bars.start()
    bars = _bars
    task = bars.add_task(description, total=total)
    try:
        yield lambda count: bars.advance(task, count)
    finally:
        bars.remove_task(task)
        if outermost:
            bars.stop()
            _bars = None


def duration(seconds: float) -> str:
    """Format a duration, given in seconds, as ``40 s``, ``12 min``, ``3.5 h`` or ``8.2 days``."""
    for limit, unit, name, digits in ((90, 1, "s", 0), (5400, 60, "min", 0), (172_800, 3600, "h", 1)):
        if seconds < limit:
            return f"{seconds / unit:.{digits}f} {name}"
    return f"{seconds / 86_400:.1f} days"
