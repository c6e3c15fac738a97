"""The trainings of a plan, done: in the order in which they can be, none twice, whatever happens to the others."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from filelock import BaseFileLock, Timeout

from robustkd.data import Condition, Dataset
from robustkd.errors import RobustKDError, StoppedError, StorageError
from robustkd.studies.executors import Executor, Outcome, Progressed
from robustkd.studies.live import Live
from robustkd.studies.plan import Job, Plan
from robustkd.studies.store import Store
from robustkd.studies.training import MODEL_FILE, CheckpointInterval, Trained, Training

POLL_SECONDS = 1.0


@dataclass
class Progress:
    """How far the jobs of a plan are; one whose id is in none of the first three waits.

    Attributes:
        done: Finished and verified.
        failed: With the error.
        running: Under way here, with their locks.
        elsewhere: Of those that wait, the ones that another process does on the same store.
    """

    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    running: dict[str, BaseFileLock] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Work:
    """What the jobs of a plan are done with.

    Attributes:
        plan: The jobs.
        store: Where they are kept.
        data: What they are trained on, before any condition.
        threads: Of the CPU, for each training.
        interval: How often a training writes down where it is.
    """

    plan: Plan
    store: Store
    data: Dataset
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
    """Do all jobs of a plan that are not done yet.

    Args:
        work: The jobs, and what they are done with.
        executor: Makes what does them, given who is to be told of epochs and `should_stop`.
        live: Shows how far they are.
        retry_failed: Try again what failed before.
        should_stop: Asked again and again; if so, what is under way is brought to the end of its epoch and ended.

    Returns:
        For each job that failed, or cannot be done because its teacher failed, why.

    Raises:
        StoppedError: It was to stop, and jobs are left.
        StorageError: The store cannot be written to.
    """
    try:
        work.store.sweep()
        progress = _found(work, live, retry_failed)
        if _waiting(work, progress):
            doing = executor(live.epoch, should_stop)
            try:
                _do(work, progress, doing, live, should_stop)
            finally:
                doing.close()
                for lock in progress.running.values():
                    lock.release()
    except OSError as error:
        raise StorageError(f"{work.store.root}: cannot be written to ({error.strerror or error})") from error
    return progress.failed


def chosen_teacher(teachers: Sequence[Job], store: Store) -> Job | None:
    """Choose the network to learn from, by the rule that the teachers' recipe names.

    Args:
        teachers: The candidates, all done.
        store: Where.

    Returns:
        One of them, of several with one accuracy the first; None if there are none.
    """
    if len(teachers) < 2:
        return teachers[0] if teachers else None
    accuracy = f"{teachers[0].recipe.select}_accuracy"
    return max(teachers, key=lambda teacher: float(store.record(teacher)[accuracy]))


def _found(work: Work, live: Live, retry_failed: bool) -> Progress:
    progress = Progress()
    for job in work.plan.jobs:
        if work.store.find(job) is not None:
            progress.done.add(job.id)
        elif (damage := work.store.damage(job)) is not None:
            live.say(f"{damage}: it is trained anew")
        elif retry_failed:
            work.store.forget_failure(job)
        elif (error := work.store.failure(job)) is not None:
            progress.failed[job.id] = f"{error} (before; --retry-failed tries again)"
    live.begin(work.plan, progress.done, progress.failed)
    return progress


def _waiting(work: Work, progress: Progress) -> list[Job]:
    """The jobs that are neither done nor failed nor under way here; those behind a failed teacher fail with it."""
    waiting = []
    for job in work.plan.jobs:
        if job.id in progress.done or job.id in progress.failed or job.id in progress.running:
            continue
        broken = next((teacher for teacher in job.teachers if teacher.id in progress.failed), None)
        if broken is not None:
            progress.failed[job.id] = f"its teacher {work.plan.title(broken)} failed"
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
        raise StoppedError(f"stopped, {count} of {len(work.plan.jobs)} networks are not done; the same command goes on")


def _begin(work: Work, job: Job, progress: Progress, executor: Executor, live: Live) -> bool:
    """Begin a job if it can be: its teachers are done, and nobody else does it; say whether it is under way."""
    if not all(teacher.id in progress.done for teacher in job.teachers):
        return False
    lock = work.store.lock(job)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if job.id not in progress.elsewhere:
            live.say(f"{work.plan.title(job)}: under way in another run on {work.store.root}; waiting for it")
        progress.elsewhere.add(job.id)
        return False
    waited_for = job.id in progress.elsewhere
    progress.elsewhere.discard(job.id)
    if work.store.find(job) is not None:
        lock.release()
        progress.done.add(job.id)
        live.end(job, None)
        return False
    if waited_for and (error := work.store.failure(job)) is not None:
        lock.release()
        progress.failed[job.id] = error
        live.end(job, error)
        return False
    work.store.clean(job)
    progress.running[job.id] = lock
    live.start(job)
    executor.submit(_training(work, job), work.store.state_path(job))
    return True


def _end(work: Work, outcome: Outcome, progress: Progress, live: Live) -> None:
    job = next(job for job in work.plan.jobs if job.id == outcome.id)
    result = outcome.result
    try:
        if isinstance(result, Trained):
            _put(work, job, result)
            progress.done.add(job.id)
            live.end(job, None)
        elif isinstance(result, (StoppedError, StorageError)):
            live.end(job, str(result), failed=isinstance(result, StorageError))
        else:
            work.store.put_failure(job, str(result))
            progress.failed[job.id] = str(result)
            live.end(job, str(result))
    finally:
        progress.running.pop(job.id).release()
    if isinstance(result, StorageError):
        raise result


def _put(work: Work, job: Job, trained: Trained) -> None:
    work.store.put(job, trained.files, trained.about)
    if work.store.find(job) is None:
        raise StorageError(f"{work.store.root}: {job.folder} was written and reads back otherwise; is the disk whole?")


def _training(work: Work, job: Job) -> Training:
    conditioned = replace(work.data, condition=_condition(work.plan, job)).trained_on(job.settings["seed"])
    teacher = chosen_teacher(job.teachers, work.store)
    folder = work.store.find(teacher) if teacher is not None else None
    if teacher is not None and folder is None:
        raise RobustKDError(f"{work.store.root}: {teacher.folder} is gone, or damaged; run again to train it anew")
    return Training(
        id=job.id,
        title=work.plan.title(job),
        role=job.role,
        settings=job.settings,
        condition=job.condition,
        data=work.data.digest,
        indices=conditioned.indices.numpy().astype(np.int64),
        labels=conditioned.images.labels.numpy().astype(np.int64),
        teacher_id=teacher.id if teacher is not None else None,
        teacher=(folder / MODEL_FILE).read_bytes() if folder is not None else None,
        threads=work.threads,
        interval=work.interval,
    )


def _condition(plan: Plan, job: Job) -> Condition:
    return next(part.condition for part in plan.parts if any(each.id == job.id for each in part.jobs))
