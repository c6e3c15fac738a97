"""Rebuild a report while its study runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robustkd.errors import StudyError
from robustkd.reporting.build import build_report
from robustkd.reporting.progress import read_progress, written_at
from robustkd.reporting.run_file import RUN_FILE

Say = Callable[[str], None]


@dataclass(frozen=True)
class Seen:
    """What was seen of a run.

    Attributes:
        written: When ``run.json`` was written, in nanoseconds; 0 if it is not there.
        told: The last line on its progress.
        finished: Whether the study is finished.
    """

    written: int = 0
    told: str = ""
    finished: bool = False


def watch(
    run: Path,
    interval: float,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
    build: Callable[[Path], Path] = build_report,
) -> None:
    """Rebuild the report of a run whenever an evaluation is done, until the study is finished.

    Args:
        run: The run directory.
        interval: The seconds between two looks.
        say: Takes one line on what is done and what is to come, whenever that changes.
        sleep: Waits for some seconds.
        build: Builds the report.

    Raises:
        StudyError: No study has started there, or the report of the finished study cannot be built.
    """
    seen = look(run, Seen(), say, build)
    while not seen.finished:
        sleep(interval)
        seen = look(run, seen, say, build)


def look(run: Path, before: Seen, say: Say, build: Callable[[Path], Path]) -> Seen:
    """Look at a run once: rebuild its report if there are new results, and say what has changed.

    Args:
        run: The run directory.
        before: What was seen last.
        say: Takes a line.
        build: Builds the report.

    Returns:
        What is seen now.

    Raises:
        StudyError: No study has started there, or the report of the finished study cannot be built.
    """
    # before its content is read: what is written in between is seen by the next look
    written = written_at(run / RUN_FILE)
    progress = read_progress(run)
    told = str(progress)
    if told != before.told:
        say(told)
    if written != before.written and progress.measured:
        try:
            say(str(build(run)))
        except StudyError as error:
            if progress.finished:
                raise
            say(f"no report yet: {error}")
    return Seen(written, told, progress.finished)
