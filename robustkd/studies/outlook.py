"""The outlook of studies: their jobs, the state of each job, and how long they take."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from robustkd.data import Dataset
from robustkd.data.stand_in import stand_in
from robustkd.devices import resolve_device
from robustkd.errors import DataError
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.reporting.run_file import RUN_FILE, to_come
from robustkd.studies.applicability import refuse_inapplicable
from robustkd.studies.cost import critical_path, job_seconds, makespan
from robustkd.studies.execute import as_in_study, study_data
from robustkd.studies.extras import Extras
from robustkd.studies.job import Job, with_teachers_left
from robustkd.studies.plan import Plan, plan
from robustkd.studies.provenance import describe_device
from robustkd.studies.speeds import Planned, Speeds
from robustkd.studies.store import Store
from robustkd.studies.study import Study
from robustkd.studies.validation import evaluation_options


@dataclass(frozen=True)
class Row:
    """One line of a plan: a training, or a step that follows the trainings.

    Attributes:
        kind: ``teacher``, ``student``, ``predictions``, ``evaluation`` or ``report``.
        name: The step that the line describes, for example the name of the training or of the evaluation.
        state: ``done``, ``failed`` or ``to do``. A training with a damaged checkpoint counts as ``done``: a plan reads
            no checkpoint. A run does, and trains the network again.
        waits_for: The steps that must be done first; may be empty.
        seconds: The time on one device; 0 for what is done.
    """

    kind: str
    name: str
    state: str
    waits_for: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Outlook:
    """Plans and the time that they take.

    Attributes:
        rows: One row for each job; a job that several studies share has one row.
        waiting: The trainings that are not done, teachers first.
        seconds: The time of each of these trainings, by its id.
        from_history: The ids of the trainings whose speed is known from earlier jobs; for the others it was measured.
        device: The device of the estimate.
        absent: The data sets that are not on this machine, so that it is not known which of their jobs are done.
    """

    rows: list[Row]
    waiting: list[Job]
    seconds: dict[str, float]
    from_history: frozenset[str]
    device: str
    absent: list[str]

    @property
    def total(self) -> float:
        """The seconds of everything that is not done, one after another on one device."""
        return sum(row.seconds for row in self.rows)

    @property
    def chain(self) -> float:
        """The seconds of the longest chain of trainings that wait for each other: no number of devices is faster."""
        return critical_path(self.waiting, self.seconds)

    def on(self, devices: int) -> float:
        """Return the seconds of the trainings on several devices, one at a time on each."""
        return makespan(self.waiting, self.seconds, devices)


def outlook(
    studies: Sequence[Study],
    runs: Sequence[Path],
    store: Path | None = None,
    *,
    device: str = "auto",
    data_root: Path | None = None,
    threads: int = 1,
) -> Outlook:
    """Estimate what studies will do; nothing is trained or written.

    Args:
        studies: The studies.
        runs: The run directory of each study; need not exist.
        store: The folder of trained networks that all share; ``jobs`` in each run directory if None.
        device: The device to estimate for.
        data_root: The folder of the data sets.
        threads: The number of CPU threads of each training.

    Returns:
        The outlook.
    """
    place = resolve_device(device)
    absent: dict[str, None] = {}
    planned = []
    loaded: dict[str, tuple[Dataset, bool]] = {}
    for study, run in zip(studies, runs, strict=True):
        if study.data.name not in loaded:
            loaded[study.data.name] = _data(study, data_root)
        data, here = loaded[study.data.name]
        data = as_in_study(data, study)
        absent |= {} if here else {data.name: None}
        refuse_inapplicable(study, data)
        planned.append(
            Planned(
                plan(study, data, threads, Extras(data, data_root, required=False)), data, Store(store or run / "jobs")
            )
        )
    speeds = Speeds(place, planned, threads)
    rows: list[Row] = []
    waiting: dict[str, Job] = {}
    seconds: dict[str, float] = {}
    told: set[str] = set()
    for each in planned:
        fresh = [job for job in each.plan.jobs if job.id not in told]
        told |= {job.id for job in fresh}
        states = _states(each, fresh)
        undone = [job for job in fresh if states[job.id] != "done"]
        waiting |= {job.id: job for job in undone}
        seconds |= job_seconds(each, undone, speeds)
        rows += [
            Row(
                "teacher" if job.role == "teacher" else "student",
                each.plan.title(job),
                states[job.id],
                _teachers(each.plan, job),
                seconds.get(job.id, 0.0),
            )
            for job in fresh
        ]
    for each, study, run in zip(planned, studies, runs, strict=True):
        rows += _after_training(each, study, run, speeds, any(job.id in waiting for job in each.plan.jobs))
    jobs = sorted(waiting.values(), key=lambda job: job.role != "teacher")
    return Outlook(rows, jobs, seconds, frozenset(speeds.from_history), describe_device(place, threads), list(absent))


def _data(study: Study, root: Path | None) -> tuple[Dataset, bool]:
    """The data set as the study uses it, or a placeholder of the same size if the data set is not on this machine."""
    as_it_is = study.model_copy(update={"data": study.data.model_copy(update={"augmentation": None})})
    try:
        return study_data(as_it_is, root), True
    except DataError:
        made_up = stand_in(study.data.name)
        if made_up is None:
            raise
        return made_up, False


def _states(planned: Planned, jobs: Sequence[Job]) -> dict[str, str]:
    finished = planned.store.scan()
    broken = [job for job in planned.plan.jobs if job.id not in finished and planned.store.failure(job) is not None]
    failed = {job.id for job in broken}
    return {
        job.id: "done"
        if job.given is not None or with_teachers_left(job, failed).id in finished
        else "failed"
        if planned.store.failure(with_teachers_left(job, failed)) is not None
        else "to do"
        for job in jobs
    }


def _teachers(planned: Plan, job: Job) -> str:
    if not job.teachers:
        return ""
    more = f" and {len(job.teachers) - 1} more" if len(job.teachers) > 1 else ""
    return planned.title(job.teachers[0]) + more


def _after_training(planned: Planned, study: Study, run: Path, speeds: Speeds, undone: bool) -> Iterator[Row]:
    """The rows of predictions, evaluations and report: done only if all networks are trained."""
    # one of several candidates is chosen, all members of an ensemble predict; parts may share them
    teachers = [part.teachers[:1] if part.teaching == "one" else part.teachers for part in planned.plan.parts]
    students = [part.students for part in planned.plan.parts]
    members = {job.id: job for jobs in (*teachers, *students) for job in jobs}
    evaluations = [EVALUATIONS[name](options) for name, options in evaluation_options(study.evaluations).items()]
    looked_at = not undone and _looked_at(run, planned.plan)
    answered = {each.name: looked_at and _answered(run, each) for each in evaluations}
    predicted = not undone and all(answered[each.name] for each in evaluations if each.requires.predictions)
    reported = all(answered.values()) and (run / "report" / "index.html").is_file()
    yield _row(
        "predictions",
        f"{study.name}, {len(members)} networks",
        "networks",
        predicted,
        lambda: (
            len(planned.data.test)
            * sum(speeds.forward(job.settings["architecture"], planned.data) for job in members.values())
        ),
    )
    for each in evaluations:
        waits = "predictions" if each.requires.predictions and not each.requires.networks else "networks"
        yield _row(
            "evaluation",
            f"{study.name}, {each.name}",
            waits,
            answered[each.name],
            partial(_evaluation_seconds, planned, each, speeds),
        )
    yield _row("report", study.name, "evaluations", reported, lambda: 0.0)


def _row(kind: str, name: str, waits_for: str, done: bool, seconds: Callable[[], float]) -> Row:
    return Row(kind, name, "done" if done else "to do", waits_for, 0.0 if done else seconds())


def _evaluation_seconds(planned: Planned, evaluation: Evaluation, speeds: Speeds) -> float:
    seconds = 0.0
    for part in planned.plan.parts:
        networks = len(part.students) + bool(part.teachers)
        methods = len({job.method for job in part.students}) + bool(part.teachers)
        passes = evaluation.passes(networks, methods, len(planned.data.test))
        seconds += passes * speeds.forward(part.architecture, planned.data)
    return seconds


def _looked_at(run: Path, planned: Plan) -> bool:
    """Whether the last evaluation of a run covered these networks."""
    try:
        evaluated = {member["lineage"].get("job") for member in _read(run / RUN_FILE)["members"]}
    except (KeyError, TypeError, AttributeError):
        return False
    return {job.id for part in planned.parts for job in part.students} <= evaluated


def _answered(run: Path, evaluation: Evaluation) -> bool:
    """Whether a run holds results of an evaluation with these settings, or found that it does not apply.

    Results of what was still to come when a run was stopped are of an earlier run, which may have had other networks.
    """
    if evaluation.name in to_come(run):
        return False
    asked = json.loads(json.dumps(evaluation.settings()))
    return _read(run / "results" / f"{evaluation.name}.json").get("settings") == asked or (
        evaluation.name in (_read(run / RUN_FILE).get("skipped") or {})
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
