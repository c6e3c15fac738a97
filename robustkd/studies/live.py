"""Progress of the trainings of a study: bars on a terminal, one plain line for each training elsewhere."""

import sys
import time
from collections.abc import Collection
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from robustkd.distillation import Stage
from robustkd.progress import duration
from robustkd.studies.job import Job, stages_of, without_teacher
from robustkd.studies.plan import Plan


class Live:
    """Shows which jobs are done, running and failed, their stages and epochs, and the time left.

    The time left follows from the epochs of this run: those that a training did in an earlier run took no time now.

    Args:
        terminal: Whether standard error is a terminal; None to detect it.
    """

    def __init__(self, terminal: bool | None = None) -> None:
        shown = sys.stderr.isatty() if terminal is None else terminal
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
        console = Console(stderr=True)
        self._bars = Progress(*columns, TimeRemainingColumn(), console=console, transient=True) if shown else None
        self._tasks: dict[str, TaskID] = {}
        self._started: dict[str, float] = {}
        self._stages: dict[str, tuple[Stage, ...]] = {}
        self._left: dict[str, int] = {}
        self._broken: set[str] = set()
        self._earlier: dict[str, int] = {}
        self._here: dict[str, int] = {}
        self._worked = 0
        self._begun = time.monotonic()
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
        """Print a line that stays visible."""
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def begin(self, plan: Plan, done: Collection[str], failed: Collection[str]) -> None:
        """Take the plan, and the ids of the jobs that are done or have failed already."""
        jobs = plan.jobs
        self._plan, self._total, self._done, self._failed = plan, len(jobs), len(done), len(failed)
        if done:
            self.say(f"{len(done)} of {len(jobs)} networks are there already")
        waiting = [job for job in jobs if job.id not in done and job.id not in failed]
        self._stages = {job.id: stages_of(job) for job in waiting}
        self._left = {id_: _epochs(stages) for id_, stages in self._stages.items()}
        self._broken = set(failed)
        self._drop_hopeless()
        self._begun = time.monotonic()
        if self._bars is not None and waiting:
            self._tasks[""] = self._bars.add_task("all", total=sum(self._left.values()), told=self._counts())

    def start(self, job: Job) -> None:
        """Show that a job starts."""
        self._started[job.id] = time.monotonic()
        if self._bars is not None:
            self._tasks[job.id] = self._bars.add_task("", total=_epochs(self._stages[job.id]), told="")
            self._show(job.id, 0)
            self._bars.update(self._tasks[""], told=self._counts())

    def epoch(self, id_: str, done: int, earlier: int = 0) -> None:
        """Show how many epochs of a job are done.

        Args:
            id_: The id of the job.
            done: The number of its epochs that are done.
            earlier: The number of these that an earlier run did.
        """
        # a training that lost its machine continues from a state of this run: only its first report tells
        earlier = self._earlier.setdefault(id_, earlier)
        here = max(done - earlier, 0)
        self._worked += here - self._here.get(id_, 0)
        self._here[id_] = here
        self._left[id_] = _epochs(self._stages[id_]) - done
        if self._bars is not None and done <= earlier:
            self._bars.reset(self._tasks[id_], completed=done)  # so that these epochs do not count as speed
        self._show(id_, done)

    def end(self, job: Job, error: str | None, *, failed: bool = True) -> None:
        """Show that a job has ended.

        Args:
            job: The job.
            error: Why it did not finish; None if it did.
            failed: Whether that is a failure.
        """
        if (task := self._tasks.pop(job.id, None)) is not None and self._bars is not None:
            self._bars.remove_task(task)
        took = time.monotonic() - self._started.get(job.id, time.monotonic())
        self._leave(job, error)
        self._done += error is None
        self._failed += error is not None and failed
        count = f"[{self._done + self._failed}/{self._total}] {self._plan.title(job)}"
        if error is not None:
            self.say(f"{count}: failed: {error}" if failed else f"{self._plan.title(job)}: {error}")
        elif self._bars is None:
            self.say(f"{count}: trained in {took:.0f} s{self._to_go()}")
        if self._bars is not None and "" in self._tasks:
            self._bars.update(self._tasks[""], told=self._counts())
            self._show_all()

    def _leave(self, job: Job, error: str | None) -> None:
        """Count the epochs of a finished job as done if they were done here, and drop those that will never be done."""
        left = self._left.pop(job.id, 0)
        if self._started.pop(job.id, None) is not None and error is None:
            self._worked += left
        if error is not None:
            self._broken.add(job.id)
            self._drop_hopeless()

    def _drop_hopeless(self) -> None:
        """Drop the jobs that have no teacher left."""
        for job in self._plan.jobs:
            if without_teacher(job, self._broken):
                self._left.pop(job.id, None)

    def _to_go(self) -> str:
        left = sum(self._left.values())
        if not left or not self._worked:
            return ""
        return f", about {duration((time.monotonic() - self._begun) * left / self._worked)} to go"

    def _show(self, id_: str, done: int) -> None:
        if self._bars is None:
            return
        job = next(job for job in self._plan.jobs if job.id == id_)
        stage, within = _under_way(self._stages[id_], done)
        several = f" · {stage.name}" if len(self._stages[id_]) > 1 else ""
        self._bars.update(
            self._tasks[id_],
            completed=done,
            description=f"  {self._plan.title(job)}{several}",
            told=f"{within}/{stage.recipe.epochs} epochs",
        )
        self._show_all()

    def _show_all(self) -> None:
        if self._bars is not None:
            self._bars.update(self._tasks[""], completed=self._worked, total=self._worked + sum(self._left.values()))

    def _counts(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        running = len(self._tasks) - ("" in self._tasks)
        return f"{self._done}/{self._total} networks, {running} running{failed}"


def _epochs(stages: tuple[Stage, ...]) -> int:
    return sum(stage.recipe.epochs for stage in stages)


def _under_way(stages: tuple[Stage, ...], done: int) -> tuple[Stage, int]:
    """The stage that runs after `done` epochs of the training, and how many of its own epochs are done."""
    *earlier, last = stages
    for stage in earlier:
        if done < stage.recipe.epochs:
            return stage, done
        done -= stage.recipe.epochs
    return last, done
