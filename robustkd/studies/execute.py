"""Run a study: train what is not there yet, then evaluate and report."""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from robustkd.data import Dataset, load_dataset
from robustkd.devices import resolve_device
from robustkd.distillation import METHODS, Recipe, history_frame, selection_record, selection_sentence, train
from robustkd.errors import StudyError
from robustkd.models import Member, ModelPool, create_model, load_model, save_model
from robustkd.progress import progress
from robustkd.studies.evaluate import Evaluated, claim, evaluate_pool
from robustkd.studies.plan import Job, plan
from robustkd.studies.provenance import describe_device, package_versions
from robustkd.studies.store import Store
from robustkd.studies.study import Study, evaluation_options, study_yaml

MODEL_FILE = "model.safetensors"
HISTORY_FILE = "history.csv"
STATES_PER_TRAINING = 20
"""How often a training writes down where it is: an interrupted one loses a twentieth of its epochs at most."""


def run_study(
    study: Study, out: Path | None = None, *, device: str = "auto", data_root: Path | None = None
) -> Evaluated:
    """Train, evaluate, report; what is finished already is found and not repeated.

    Args:
        study: The study.
        out: The run directory; ``runs/<name>`` if None.
        device: ``auto``, ``cpu``, ``cuda``, …
        data_root: Where data sets lie.

    Returns:
        The results and where they are.

    Raises:
        BadInputError: The data or the directory is not usable.
        TrainingError: A training failed.
    """
    run = out if out is not None else Path("runs") / study.name
    place = resolve_device(device)
    data = load_dataset(study.data.name, data_root)
    if study.data.augmentation is not None:
        data = replace(data, augmentation=study.data.augmentation)
    if data.train is None:
        raise StudyError(f"{study.data.name} has no training images: use robustkd evaluate on trained models")
    text = study_yaml(study)
    claim(run, study.name, text)

    store = Store(run / "jobs")
    jobs = plan(study, data)
    found = {job.id for job in jobs if store.find(job) is not None}
    if found:
        print(f"{len(found)} of {len(jobs)} networks are trained already", file=sys.stderr)
    members = []
    for job in jobs:
        folder = store.find(job) if job.id in found else None
        if folder is None:
            state = run / "jobs" / f".{job.folder}.state"
            _train(job, store, data, study.training, place, state)
            state.unlink(missing_ok=True)
            folder = store.find(job)
        if folder is None:
            raise StudyError(f"{run}: {job.folder} was written and cannot be read back; is the disk full?")
        members.append(_member(job, folder))
    about = {
        "name": study.name,
        "study": text,
        "selection": selection_sentence(study.training),
    }
    return evaluate_pool(ModelPool(members=members), data, evaluation_options(study.evaluations), run, place, about)


def _train(job: Job, store: Store, data: Dataset, recipe: Recipe, device: torch.device, state: Path) -> None:
    settings = job.settings
    student = create_model(
        settings["architecture"],
        num_classes=data.num_classes,
        in_chans=data.training.shape[0],
        seed=settings["seed"],
    )
    teacher = None
    if job.teacher is not None:
        folder = store.find(job.teacher)
        if folder is None:
            raise StudyError(f"{job.folder}: its teacher {job.teacher.folder} is gone")
        teacher = load_model(folder / MODEL_FILE).to(device)
    method = METHODS[settings["method"]](student, teacher, **settings["options"])
    stages = {stage.name: stage.recipe.epochs for stage in method.stages(recipe)}
    parts = f" ({', then '.join(stages)})" if len(stages) > 1 else ""
    with progress(f"train {job.name}{parts}", sum(stages.values())) as advance:
        history = train(
            method,
            data,
            recipe,
            seed=settings["seed"],
            device=device,
            checkpoint=state,
            checkpoint_every=max(1, sum(stages.values()) // STATES_PER_TRAINING),
            on_epoch=lambda epoch: advance(1),
        )
    lineage = {
        "role": job.role,
        "method": settings["method"],
        "options": settings["options"],
        "seed": settings["seed"],
        "condition": "clean",
        **selection_record(method),
        "data": data.digest,
        "job": job.id,
        "teacher_job": job.teacher.id if job.teacher else None,
    }
    about = {"device": describe_device(device), "versions": package_versions()}
    with store.writing(job, about) as folder:
        save_model(method.export(), folder / MODEL_FILE, lineage)
        history_frame(history).to_csv(folder / HISTORY_FILE, index=False, lineterminator="\n")


def _member(job: Job, folder: Path) -> Member:
    model = load_model(folder / MODEL_FILE)
    if job.role == "teacher":
        return Member(model, "teacher", "teacher", None)
    return Member(model, job.role, job.settings["method"], job.settings["seed"])
