"""How far the trainings of a study are, while they run: bars on a terminal, one plain line for each elsewhere."""

import sys
import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from robustkd.studies.plan import Job, Plan, epochs_of


class Live:
    """Shows jobs done, running and failed, their epochs, and when all will be done.

    Args:
        terminal: Whether standard error is one; found out if None.
    """

    def __init__(self, terminal: bool | None = None) -> None:
        shown = sys.stderr.isatty() if terminal is None else terminal
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
        console = Console(stderr=True)
        self._bars = Progress(*columns, TimeRemainingColumn(), console=console, transient=True) if shown else None
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}
        self._epochs: dict[str, tuple[int, int]] = {}
        self._plan = Plan(())
        self._done = self._failed = self._total = 0

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, text: str) -> None:
        """Say something that stays."""
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def begin(self, plan: Plan, done: Collection[str], failed: Collection[str]) -> None:
        """Take a plan, of which some is done or has failed already."""
        jobs = plan.jobs
        self._plan, self._total, self._done, self._failed = plan, len(jobs), len(done), len(failed)
        if done:
            self.say(f"{len(done)} of {len(jobs)} networks are trained already")
        waiting = [job for job in jobs if job.id not in done and job.id not in failed]
        self._epochs = {job.id: (0, epochs_of(job)) for job in waiting}
        if self._bars is not None and waiting:
            epochs = sum(total for _, total in self._epochs.values())
            self._tasks[""] = self._bars.add_task("all", total=epochs, told=self._counts())

    def start(self, job: Job) -> None:
        """A job begins."""
        self._started[job.id] = time.monotonic()
        if self._bars is not None:
            total = self._epochs[job.id][1]
            title = self._plan.title(job)
            self._tasks[job.id] = self._bars.add_task(f"  {title}", total=total, told=f"0/{total} epochs")
            self._bars.update(self._tasks[""], told=self._counts())

    def epoch(self, id_: str, done: int) -> None:
        """So many epochs of a job are done."""
        total = self._epochs[id_][1]
        self._epochs[id_] = (done, total)
        if self._bars is not None:
            self._bars.update(self._tasks[id_], completed=done, told=f"{done}/{total} epochs")
            self._bars.update(self._tasks[""], completed=sum(done for done, _ in self._epochs.values()))

    def end(self, job: Job, error: str | None, *, failed: bool = True) -> None:
        """A job has ended.

        Args:
            job: Which.
            error: Why it did not come to its end; None if it did.
            failed: Whether that is a failure.
        """
        if (task := self._tasks.pop(job.id, None)) is not None and self._bars is not None:
            self._bars.remove_task(task)
        took = time.monotonic() - self._started.pop(job.id, time.monotonic())
        self._done += error is None
        self._failed += error is not None and failed
        count = f"[{self._done + self._failed}/{self._total}] {self._plan.title(job)}"
        if error is not None:
            self.say(f"{count}: failed: {error}" if failed else f"{self._plan.title(job)}: {error}")
        elif self._bars is None:
            self.say(f"{count}: trained in {took:.0f} s")
        if self._bars is not None and "" in self._tasks:
            self._bars.update(self._tasks[""], told=self._counts())

    def _counts(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        running = len(self._tasks) - ("" in self._tasks)
        return f"{self._done}/{self._total} networks, {running} running{failed}"
