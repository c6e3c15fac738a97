"""Runs the trainings of a plan, each once and teachers before students; a failed training does not stop the others."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from filelock import BaseFileLock, Timeout

from robustkd.data import Dataset
from robustkd.errors import RobustKDError, StoppedError, StorageError
from robustkd.studies.executors import Executor, Outcome, Progressed
from robustkd.studies.extras import Extras
from robustkd.studies.job import Job, Teaching, with_teachers_left, without_teacher
from robustkd.studies.live import Live
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.plan import Plan
from robustkd.studies.store import Store
from robustkd.studies.training import CheckpointInterval, Trained, Training

POLL_SECONDS = 1.0


@dataclass
class Progress:
    """The state of the jobs of a plan; a job whose id is in none of the first three attributes is waiting.

    Attributes:
        done: The jobs that are finished and verified.
        failed: The jobs that failed, with the error.
        running: The jobs that run here, with their locks.
        elsewhere: The waiting jobs that another process runs on the same store.
        planned: For the id of each training, the id that its job has in the plan.
    """

    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    running: dict[str, BaseFileLock] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    planned: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """A plan, and what its jobs need.

    Attributes:
        plan: The jobs.
        store: The store of finished jobs.
        data: The data set, before any condition.
        extras: Loads the images that recipes show beside it.
        threads: The number of CPU threads of each training.
        interval: How often a training writes its state.
    """

    plan: Plan
    store: Store
    data: Dataset
    extras: Extras
    threads: int = 1
    interval: CheckpointInterval = field(default=CheckpointInterval())


def complete(
    work: Work,
    executor: Callable[[Progressed, Callable[[], bool]], Executor],
    live: Live,
    *,
    retry_failed: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Mapping[str, str]:
    """Run all jobs of a plan that are not done yet.

    Args:
        work: The plan, and what its jobs need.
        executor: Makes the executor, given the function to call after each epoch and `should_stop`.
        live: Shows the progress.
        retry_failed: Whether to run jobs again that failed before.
        should_stop: Called regularly; once it returns True, running trainings finish their epoch and end.

    Returns:
        For each job that failed, or that has no teacher because all its candidates failed, the reason.

    Raises:
        StoppedError: The run was stopped while jobs were left.
        StorageError: The store cannot be written to.
    """
    try:
        work.store.sweep()
        progress = _found(work, live, retry_failed)
        if _waiting(work, progress):

            def on_epoch(id_: str, done: int, earlier: int) -> None:
                live.epoch(progress.planned[id_], done, earlier)

            doing = executor(on_epoch, should_stop)
            try:
                _do(work, progress, doing, live, should_stop)
            finally:
                doing.close()
                for lock in progress.running.values():
                    lock.release()
    except OSError as error:
        raise StorageError(f"{work.store.root}: cannot be written to ({error.strerror or error})") from error
    return progress.failed


def those_who_teach(teachers: Sequence[Job], teaching: Teaching, store: Store) -> list[Job]:
    """Return the members of an ensemble, or one of several candidates, by the rule `select` of their recipe.

    Args:
        teachers: The members or the candidates; all are done.
        teaching: How they teach.
        store: The store that holds them.

    Returns:
        All members; or the candidate with the highest accuracy, the first of several. Empty if there are none.
    """
    if teaching != "one" or len(teachers) < 2:
        return list(teachers)
    accuracy = f"{teachers[0].recipe.select}_accuracy"
    return [max(teachers, key=lambda teacher: float(store.record(teacher)[accuracy]))]


def _found(work: Work, live: Live, retry_failed: bool) -> Progress:
    progress = Progress()
    for planned in work.plan.jobs:
        job = with_teachers_left(planned, progress.failed)
        if work.store.find(job) is not None:
            progress.done.add(planned.id)
        elif (damage := work.store.damage(job)) is not None:
            live.say(f"{damage}; it is trained again")
        elif retry_failed:
            work.store.forget_failure(job)
        elif (error := work.store.failure(job)) is not None:
            progress.failed[planned.id] = f"{error} (in an earlier run; --retry-failed tries again)"
    live.begin(work.plan, progress.done, progress.failed)
    return progress


def _waiting(work: Work, progress: Progress) -> list[Job]:
    """The jobs that are neither done nor failed nor running here; those without a teacher left fail."""
    waiting = []
    for job in work.plan.jobs:
        if job.id in progress.done or job.id in progress.failed or job.id in progress.running:
            continue
        broken = [work.plan.title(teacher) for teacher in job.teachers if teacher.id in progress.failed]
        if without_teacher(job, progress.failed):
            several = f"all its teachers failed: {', '.join(broken)}"
            progress.failed[job.id] = several if len(broken) > 1 else f"its teacher {broken[0]} failed"
        else:
            waiting.append(job)
    return waiting


def _do(work: Work, progress: Progress, executor: Executor, live: Live, should_stop: Callable[[], bool]) -> None:
    stopping = False
    while (waiting := _waiting(work, progress)) or progress.running:
        if should_stop() and not stopping:
            stopping = True
            executor.stop()
        if stopping and not progress.running:
            break
        room = 0 if stopping else executor.slots - len(progress.running)
        for job in waiting:
            if room <= 0:
                break
            room -= _begin(work, job, progress, executor, live)
        if progress.running:
            for outcome in executor.wait(POLL_SECONDS):
                _end(work, outcome, progress, live)
        elif any(job.id in progress.elsewhere for job in waiting):
            time.sleep(POLL_SECONDS)
    if stopping and waiting:
        count = len(work.plan.jobs) - len(progress.done)
        raise StoppedError(
            f"stopped, {count} of {len(work.plan.jobs)} networks are not done; the same command continues"
        )


def _begin(work: Work, planned: Job, progress: Progress, executor: Executor, live: Live) -> bool:
    """Start a job if its teachers are settled and no other process runs it; return whether it runs now."""
    if not all(teacher.id in progress.done or teacher.id in progress.failed for teacher in planned.teachers):
        return False
    job = with_teachers_left(planned, progress.failed)
    lock = work.store.lock(job)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if planned.id not in progress.elsewhere:
            live.say(f"{work.plan.title(planned)}: running in another process on {work.store.root}; waiting for it")
        progress.elsewhere.add(planned.id)
        return False
    waited_for = planned.id in progress.elsewhere
    progress.elsewhere.discard(planned.id)
    if work.store.find(job) is not None:
        lock.release()
        progress.done.add(planned.id)
        live.end(planned, None)
        return False
    if waited_for and (error := work.store.failure(job)) is not None:
        lock.release()
        progress.failed[planned.id] = error
        live.end(planned, error)
        return False
    work.store.clean(job)
    progress.running[planned.id] = lock
    progress.planned[job.id] = planned.id
    live.start(planned)
    executor.submit(_training(work, job), work.store.state_path(job))
    return True


def _end(work: Work, outcome: Outcome, progress: Progress, live: Live) -> None:
    planned = next(job for job in work.plan.jobs if job.id == progress.planned[outcome.id])
    job, result = with_teachers_left(planned, progress.failed), outcome.result
    try:
        if isinstance(result, Trained):
            _put(work, job, result)
            progress.done.add(planned.id)
            live.end(planned, None)
        elif isinstance(result, (StoppedError, StorageError)):
            live.end(planned, str(result), failed=isinstance(result, StorageError))
        else:
            work.store.put_failure(job, str(result))
            progress.failed[planned.id] = str(result)
            live.end(planned, str(result))
    finally:
        progress.running.pop(planned.id).release()
    if isinstance(result, StorageError):
        raise result


def _put(work: Work, job: Job, trained: Trained) -> None:
    work.store.put(job, trained.files, trained.about)
    if work.store.find(job) is None:
        raise StorageError(f"{work.store.root}: {job.folder} does not read back as it was written; check the disk")


def _training(work: Work, job: Job) -> Training:
    condition = job.condition
    conditioned = replace(work.data, condition=condition).trained_on(job.settings["seed"], job.role)
    teachers = those_who_teach(job.teachers, job.teaching, work.store)
    extra = job.recipe.distillation_data.extra
    return Training(
        id=job.id,
        title=work.plan.title(job),
        role=job.role,
        settings=job.settings,
        condition=condition.for_role(job.role).label,
        data=work.data.digest,
        indices=conditioned.indices.numpy().astype(np.int64),
        labels=conditioned.images.labels.numpy().astype(np.int64),
        painting=conditioned.painting,
        teacher_id=", ".join(teacher.id for teacher in teachers) or None,
        teachers=tuple(_checkpoint(work, teacher) for teacher in teachers),
        teaching=job.teaching,
        init=Path(job.init).read_bytes() if job.init else None,
        init_name=Path(job.init).name,
        extra=work.extras.images(extra).numpy() if extra is not None else None,
        threads=work.threads,
        interval=work.interval,
    )


def _checkpoint(work: Work, job: Job) -> bytes:
    folder = work.store.find(job)
    if folder is None:
        raise RobustKDError(f"{work.store.root}: {job.folder} is missing or damaged; run again to train it again")
    return (folder / MODEL_FILE).read_bytes()
