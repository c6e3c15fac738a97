"""What studies will do, before they do it: their jobs, how far they are, and what they cost."""

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
from robustkd.reporting.compose import RUN_FILE
from robustkd.studies.applicability import refuse_inapplicable
from robustkd.studies.cost import critical_path, job_seconds, makespan
from robustkd.studies.execute import study_data, with_augmentation
from robustkd.studies.plan import Job, Plan, plan, with_teachers_left
from robustkd.studies.provenance import describe_device
from robustkd.studies.speeds import Planned, Speeds
from robustkd.studies.store import Store
from robustkd.studies.study import Study, evaluation_options


@dataclass(frozen=True)
class Row:
    """One line of a plan: a training, or what comes after all trainings.

    Attributes:
        kind: ``teacher``, ``student``, ``predictions``, ``evaluation`` or ``report``.
        name: Of what.
        state: ``done``, ``failed`` or ``to do``. A training whose checkpoint is damaged says ``done``: a plan reads no
            checkpoint, a run does and trains it anew.
        waits_for: What must be done before; empty for nothing.
        seconds: On one device, of what is not done.
    """

    kind: str
    name: str
    state: str
    waits_for: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Outlook:
    """Plans with their costs.

    Attributes:
        rows: One for each job, what several studies share only once.
        waiting: The trainings that are not done, teachers first.
        seconds: For each of these, by id.
        from_history: Of these, those whose speed earlier jobs gave; the others' was measured.
        device: On which.
        absent: Data sets that are not here: what is done of them cannot be known.
    """

    rows: list[Row]
    waiting: list[Job]
    seconds: dict[str, float]
    from_history: frozenset[str]
    device: str
    absent: list[str]

    @property
    def total(self) -> float:
        """Seconds of all that is not done, on one device, one after another."""
        return sum(row.seconds for row in self.rows)

    @property
    def chain(self) -> float:
        """Seconds of the longest chain of trainings that wait for each other: no number of devices is faster."""
        return critical_path(self.waiting, self.seconds)

    def on(self, devices: int) -> float:
        """Seconds of the trainings on so many devices, one at a time on each."""
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
    """Look at what studies will do; nothing is trained or written.

    Args:
        studies: The studies.
        runs: Their run directories, which need not exist.
        store: Where their trained networks are kept; each in its run's ``jobs`` if None.
        device: On which to estimate.
        data_root: Where data sets lie.
        threads: Of a CPU, for each training.

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
        data = with_augmentation(data, study)
        absent |= {} if here else {data.name: None}
        refuse_inapplicable(study, data)
        planned.append(Planned(plan(study, data, threads), data, Store(store or run / "jobs")))
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
    """A study's data set, or one of its size where it is not here; its own augmentation."""
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
        if with_teachers_left(job, failed).id in finished
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
    """Predictions, evaluations and report: done only if no network is still to come."""
    # one teacher of several is chosen; parts may share it, and it predicts once
    members = {job.id: job for part in planned.plan.parts for job in (*part.teachers[:1], *part.students)}
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
        waits = "networks" if each.requires.networks else "predictions"
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
        methods = len({job.settings["method"] for job in part.students}) + bool(part.teachers)
        passes = evaluation.passes(networks, methods, len(planned.data.test))
        seconds += passes * speeds.forward(part.architecture, planned.data)
    return seconds


def _looked_at(run: Path, planned: Plan) -> bool:
    """Whether the last evaluation of a run was of these networks."""
    try:
        evaluated = {member["lineage"].get("job") for member in _read(run / RUN_FILE)["members"]}
    except (KeyError, TypeError, AttributeError):
        return False
    return {job.id for part in planned.parts for job in part.students} <= evaluated


def _answered(run: Path, evaluation: Evaluation) -> bool:
    """Whether a run holds the answer to a question as it is asked now, or has found that it cannot be asked."""
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
