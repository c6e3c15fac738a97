"""Charts as pictures: drawn when they are asked for, or in another process while the report is composed."""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from typing import Any, NamedTuple

from robustkd.reporting.drawing import to_pdf, to_png, to_svg

FEW = 4
"""As many charts are drawn in the time that another process takes to start."""


class Pictures(NamedTuple):
    """A chart as SVG, PNG and PDF."""

    svg: str
    png: bytes
    pdf: bytes


class Drawing:
    """A chart, drawn.

    Args:
        draw: Returns the pictures; called when the first of them is asked for.
    """

    def __init__(self, draw: Callable[[], Pictures]) -> None:
        self._draw = draw

    @cached_property
    def _pictures(self) -> Pictures:
        return self._draw()

    @property
    def svg(self) -> str:
        """The chart as SVG, whose ids begin with its name."""
        return self._pictures.svg

    @property
    def png(self) -> bytes:
        """The chart as PNG, at twice its size."""
        return self._pictures.png

    @property
    def pdf(self) -> bytes:
        """The chart as PDF."""
        return self._pictures.pdf


Draw = Callable[[dict[str, Any], str], Drawing]
"""Draws a Vega-Lite specification; the name is unique in the report."""


def pictures_of(chart: dict[str, Any], name: str) -> Pictures:
    """Draw a chart now."""
    svg = to_svg(chart, name)
    return Pictures(svg, to_png(svg), to_pdf(svg))


def drawn_when_asked(chart: dict[str, Any], name: str) -> Drawing:
    """Draw a chart in this process when it is asked for."""
    return Drawing(partial(pictures_of, chart, name))


@contextmanager
def drawn_meanwhile(charts: int) -> Iterator[Draw]:
    """Draw charts in another process, which starts at once: it is ready when the first chart is composed.

    `FEW` charts are drawn in this process when they are asked for, and all charts where no process can be started or it
    ends too early.

    Args:
        charts: About how many charts there will be.

    Yields:
        The function that draws; what it returns may be asked for until the end of the context.
    """
    if charts <= FEW:
        yield drawn_when_asked
        return
    with _drawing_process() as draw:
        yield draw


@contextmanager
def _drawing_process() -> Iterator[Draw]:
    # python -m, because multiprocessing would run the user's script again where it has no guard for that; -P, because
    # files in the current directory must not stand in for modules
    command = [sys.executable, "-P", "-m", "robustkd.reporting.draw_requests"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment)
    except OSError:
        yield drawn_when_asked
        return
    with process, ThreadPoolExecutor(1) as waiting:
        try:
            yield lambda chart, name: Drawing(waiting.submit(_asked, process, chart, name).result)
        finally:
            waiting.shutdown(cancel_futures=True)
            with suppress(OSError):
                process.communicate()


def _asked(process: "subprocess.Popen[bytes]", chart: dict[str, Any], name: str) -> Pictures:
    """Ask a process for the pictures of a chart, and wait for them."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump((chart, name), process.stdin)
        process.stdin.flush()
        answer = pickle.load(process.stdout)  # of a process that this one started, on a pipe that no other has
    except (OSError, EOFError, pickle.UnpicklingError):
        return pictures_of(chart, name)
    if isinstance(answer, Exception):
        raise answer
    return Pictures(*answer)
