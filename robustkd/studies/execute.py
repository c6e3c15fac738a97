"""Run a study: train the networks that are missing, then evaluate and report."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from robustkd.data import Dataset, load_dataset
from robustkd.data.remarks import print_remarks, with_remarks
from robustkd.data.subset import stratified_subset
from robustkd.devices import resolve_device
from robustkd.distillation import selection_sentence
from robustkd.errors import BadInputError, StoppedError, StudyError, TrainingError
from robustkd.models import Member, ModelPool, PixelModel, load_model
from robustkd.models.ensembles import ensemble
from robustkd.roles import control_name
from robustkd.studies.answers import EvaluatedPart, evaluate_parts
from robustkd.studies.applicability import refuse_inapplicable
from robustkd.studies.evaluated import Evaluated
from robustkd.studies.executors import Executor, InTurns, Processes, Progressed
from robustkd.studies.extras import Extras
from robustkd.studies.given_jobs import store_given
from robustkd.studies.job import Job, teaching_left, with_teachers_left
from robustkd.studies.live import Live
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.plan import Part, plan
from robustkd.studies.run_directory import claim
from robustkd.studies.schedule import Work, complete, those_who_teach
from robustkd.studies.store import Store
from robustkd.studies.study import Study
from robustkd.studies.study_file import study_yaml
from robustkd.studies.training import CheckpointInterval
from robustkd.studies.under_way import announce, done
from robustkd.studies.validation import evaluation_options

MOST_PROCESSES = 8
"""The largest default number of processes on a CPU: each needs its own memory."""


@dataclass(frozen=True)
class Execution:
    """Where and how the trainings of a study run; on a CPU only `threads` changes their results.

    Attributes:
        executor: ``local`` or ``ray``.
        workers: The largest number of trainings at the same time. None: one for each CPU core, or `jobs_per_device` for
            each GPU. On a CPU, each of several is a process; on GPUs, there is one process for each.
        jobs_per_device: The number of trainings that share a GPU, because a small network does not fill one. None for
            as many as fit its memory and still raise its throughput, at most eight; on a Ray cluster, where each is a
            process, for one.
        threads: The number of CPU threads of each training.
        address: The address of a Ray cluster; None starts Ray on this machine.
        interval: How often a training writes its state.
        retry_failed: Whether to run trainings again that failed before.
    """

    executor: str = "local"
    workers: int | None = 1
    jobs_per_device: int | None = None
    threads: int = 1
    address: str | None = None
    interval: CheckpointInterval = field(default_factory=CheckpointInterval)
    retry_failed: bool = False


def run_study(
    study: Study,
    out: Path | None = None,
    *,
    device: str = "auto",
    data_root: Path | None = None,
    store: Path | None = None,
    execution: Execution | None = None,
) -> Evaluated:
    """Train, evaluate and report; finished jobs are not repeated.

    Args:
        study: The study.
        out: The run directory; ``runs/<name>`` if None.
        device: ``auto``, ``cpu``, ``cuda``, …
        data_root: The folder of the data sets.
        store: The folder of the trained networks, which studies may share; ``RUN/jobs`` if None.
        execution: Where and how to train; one after another in this process if None.

    Returns:
        The results; prints as a summary, shows as the scoreboard in a notebook.

    Raises:
        BadInputError: The data or the directory is not valid.
        TrainingError: All trainings failed.
        StoppedError: The run was interrupted; the next run continues.
        StorageError: The disk is full.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import robustkd as rk
    >>> text = '''
    ... name: example
    ... data: {name: digits, train_images: 100}
    ... students: {architecture: cifar_wrn_10_1, methods: [baseline], seeds: 0}
    ... training: {epochs: 1, milestones: []}
    ... evaluations: [generalization]
    ... '''
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name) / "study.yaml"
    >>> _ = file.write_text(text)
    >>> study = rk.load_study(file, ("training.epochs=2",))
    >>> report = rk.run_study(study, Path(folder.name) / "run", device="cpu")
    >>> list(report.results), report.missing
    (['generalization'], {})
    >>> folder.cleanup()
    """
    run = out if out is not None else Path("runs") / study.name
    how = execution or Execution()
    place = resolve_device(device)
    data = with_remarks(study_data(study, data_root))
    print_remarks(data)
    refuse_inapplicable(study, data)
    extras = Extras(data, data_root)
    jobs = plan(study, data, how.threads, extras)
    text = study_yaml(study)
    claim(run, study.name, text)
    held = Store(store or run / "jobs")
    store_given(jobs, held)
    announce(run, jobs, held, study.evaluations)
    work = Work(jobs, held, data, extras, how.threads, how.interval)
    with _stoppable() as stopped, Live() as live:
        failed = complete(
            work,
            partial(_executor, how, device, partial(study_data, study, data_root), data, len(jobs.jobs)),
            live,
            retry_failed=how.retry_failed,
            should_stop=stopped,
        )
    if stopped():
        trained = "no network is left to train" if failed else "all networks are trained"
        raise StoppedError(f"stopped, {trained}; the same command continues with the evaluations")
    parts = [_evaluated(work, part, failed) for part in jobs.parts]
    missing = {jobs.title(job): failed[job.id] for job in jobs.jobs if job.id in failed}
    for part in jobs.parts:
        if 0 < len(teaching_left(part.teachers, part.teaching, failed)) < len(part.teachers):
            others = "; the teacher was chosen among the other candidates"
            missing |= {jobs.title(job): failed[job.id] + others for job in part.teachers if job.id in failed}
    about = {
        "name": study.name,
        "study": text,
        "selection": selection_sentence(
            study.training,
            [
                (len(teaching_left(part.teachers, part.teaching, failed)), part.teachers[0].recipe.select)
                for part in jobs.parts
                if part.teachers and part.teaching == "one"
            ],
        ),
        "missing": missing,
    }
    present = [part for part in parts if part is not None]
    if not present:
        first = next(iter(missing.items()))
        raise TrainingError(f"{run}: no network to evaluate; {first[0]}: {first[1]}")
    options, limited = evaluation_options(study.evaluations), study.data.test_images is not None
    evaluated = evaluate_parts(present, data, options, run, place, about, limited=limited)
    done(run)
    return evaluated


def study_data(study: Study, data_root: Path | None) -> Dataset:
    """Load the data set of a study, with the study's augmentation.

    Args:
        study: The study.
        data_root: The folder of the data sets.

    Returns:
        The data set, before any condition.

    Raises:
        DataError: The data set is missing or broken.
        StudyError: The data set has no training images.
    """
    data = as_in_study(load_dataset(study.data.name, data_root), study)
    if data.train is None:
        raise StudyError(f"{study.data.name} has no training images: use robustkd evaluate on trained models")
    return data


def as_in_study(data: Dataset, study: Study) -> Dataset:
    """Return a data set with the images and the augmentation that a study asks for."""
    asked = study.data
    if asked.train_images is not None and data.train is not None:
        data = replace(data, train=stratified_subset(data.train, asked.train_images))
    if asked.test_images is not None:
        data = replace(data, test=stratified_subset(data.test, asked.test_images, "test_images"))
    return data if asked.augmentation is None else replace(data, augmentation=asked.augmentation)


def devices_for(device: str, how: Execution, jobs: int) -> list[str]:
    """Return the device of each process that trains: one for each GPU, or several on the CPU.

    Args:
        device: The device as the user gave it.
        how: The number of workers, and of jobs per device.
        jobs: The number of jobs.

    Returns:
        One device name for each process.
    """
    if how.workers is not None and how.workers < 1:
        raise BadInputError(f"workers must be at least 1, got {how.workers}")
    if how.jobs_per_device is not None and how.jobs_per_device < 1:
        raise BadInputError(f"jobs_per_device must be at least 1, got {how.jobs_per_device}")
    resolved = resolve_device(device)
    if resolved.type == "cpu":
        natural = min(torch.get_num_threads(), MOST_PROCESSES)  # torch counts the cores that it may use
        return [str(resolved)] * min(how.workers or natural, jobs)
    places = [str(resolved)]
    if resolved.type == "cuda" and ":" not in device:
        places = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return places[: min(how.workers or len(places), jobs)]


def trainings_per_process(how: Execution, devices: Sequence[str]) -> int | None:
    """Return the number of trainings that take turns in each process; None for as many as its GPU has room for.

    Args:
        how: The number of workers, and of jobs per device.
        devices: The device of each process.
    """
    if devices[0].startswith("cpu"):
        return 1
    most = None if how.workers is None else -(-how.workers // len(devices))
    given = [each for each in (how.jobs_per_device, most) if each is not None]
    return min(given, default=None)


def _executor(
    how: Execution,
    device: str,
    load: Callable[[], Dataset],
    data: Dataset,
    jobs: int,
    progressed: Progressed,
    should_stop: Callable[[], bool],
) -> Executor:
    if how.executor == "ray":
        return _ray(how, device, data, progressed)
    devices = devices_for(device, how, jobs)
    each = trainings_per_process(how, devices)
    if len(devices) == 1:
        return InTurns(data, torch.device(devices[0]), progressed, should_stop, each)
    return Processes(load, devices, progressed, each)


def _ray(how: Execution, device: str, data: Dataset, progressed: Progressed) -> Executor:
    try:
        from robustkd.studies.executors.ray import Ray
    except ImportError as error:
        raise BadInputError("--executor ray needs Ray: pip install 'robustkd[ray]'") from error
    return Ray(data, device, how.jobs_per_device or 1, how.workers, how.threads, how.address, progressed)


def _evaluated(work: Work, part: Part, failed: Mapping[str, str]) -> EvaluatedPart | None:
    """The networks of a part that are there, with the teacher that its students learned from."""
    students = [with_teachers_left(job, failed) for job in part.students if job.id not in failed]
    if not students:
        return None
    members = [_member(work, job) for job in students]
    left = teaching_left(part.teachers, part.teaching, failed)
    if teachers := those_who_teach(left, part.teaching, work.store):
        members.insert(0, _teacher(work, teachers, part))
    return EvaluatedPart(ModelPool(members=members), part.condition, part.group)


def _teacher(work: Work, jobs: Sequence[Job], part: Part) -> Member:
    models = [_model(work, job) for job in jobs]
    if part.teaching == "one":
        return Member(models[0], "teacher", "teacher", jobs[0].settings["seed"], jobs[0].label)
    return Member(ensemble(models, part.teaching), "teacher", "teacher", None, jobs[0].label)


def _member(work: Work, job: Job) -> Member:
    name = control_name(job.method) if job.role == "control" else job.method
    return Member(_model(work, job), job.role, name, job.settings["seed"], job.label)


def _model(work: Work, job: Job) -> PixelModel:
    folder = work.store.find(job)
    if folder is None:
        raise StudyError(f"{work.store.root}: {job.folder} is missing or damaged; run again to train it again")
    return load_model(folder / MODEL_FILE)


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Take the first interruption as a request to stop after the epoch, the second as one to stop at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # only the main thread receives signals
        return
    asked = threading.Event()

    def ask(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        print("stopping after this epoch; interrupt again to stop at once", file=sys.stderr, flush=True)

    before = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
