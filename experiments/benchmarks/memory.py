"""The memory of a program and its child processes, watched while it runs (Linux only).

It is the largest sum of the proportional set sizes of all its processes, in which a page that several of them share
counts once, sampled four times a second.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SAMPLES_PER_SECOND = 4


@dataclass
class Peak:
    """The largest memory so far.

    Attributes:
        mebibytes: The memory in MiB.
    """

    mebibytes: int = 0


@contextmanager
def watched() -> Iterator[Peak]:
    """Watch the memory of this process and its children while the block runs."""
    peak, done = Peak(memory_now()), threading.Event()
    watcher = threading.Thread(target=_watch, args=(peak, done))
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def memory_now() -> int:
    """Return the memory of this process and its children, in MiB."""
    return sum(map(_proportional, _family())) // 1024


def _watch(peak: Peak, done: threading.Event) -> None:
    while not done.wait(1 / SAMPLES_PER_SECOND):
        peak.mebibytes = max(peak.mebibytes, memory_now())


def _family() -> list[int]:
    """This process and its descendants."""
    found = ["self"]
    for process in found:
        for file in Path(f"/proc/{process}/task").glob("*/children"):
            found += _text(file).split()
    return [int(Path("/proc/self").resolve().name), *map(int, found[1:])]


def _proportional(process: int) -> int:
    lines = _text(Path(f"/proc/{process}/smaps_rollup")).splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # the process has ended meanwhile
        return ""
