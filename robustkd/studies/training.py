"""One training of a study, from its settings to its files, in this process or in a worker process."""

import hashlib
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch

from robustkd.arithmetic import precision_on
from robustkd.data import Augmentation, Dataset
from robustkd.data.painting import Painting
from robustkd.distillation import METHODS, Epoch, Method, Recipe, history_frame, selection_record
from robustkd.distillation.history import course_record
from robustkd.distillation.initial_weights import begun, initialisation_record
from robustkd.distillation.initialisation import Initialisation
from robustkd.distillation.selection import part_of
from robustkd.distillation.trainer import train_in_turns
from robustkd.distillation.training_state import epochs_done
from robustkd.distillation.turns import Turns, drained, inside
from robustkd.errors import RobustKDError, StateError, StorageError, StudyError, TrainingError
from robustkd.models import PixelModel, create_model, load_model, save_model
from robustkd.models.ensembles import ensemble, members_of
from robustkd.roles import Role
from robustkd.studies.job import Teaching
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.provenance import describe_device, package_versions
from robustkd.studies.values import recipe_with

HISTORY_FILE = "history.csv"

_TEACHERS: WeakValueDictionary[str, PixelModel] = WeakValueDictionary()


@dataclass(frozen=True)
class CheckpointInterval:
    """How often a training writes its state; whichever comes first counts.

    Attributes:
        epochs: The number of epochs between two writings; None for a twentieth of all epochs.
        minutes: The state is also written at the end of an epoch if this many minutes have passed since the last time.
    """

    epochs: int | None = None
    minutes: float = 5.0


@dataclass(frozen=True, eq=False)
class Training:
    """Everything that a worker needs to run a job; it is sent between processes and machines.

    Attributes:
        id: The id of the job.
        title: The name of the job in messages.
        role: The role of the network in the study.
        settings: The settings of the job.
        condition: The label of the condition of the training set, which may be another one than that of the networks
            that are evaluated together (`Condition.for_role`).
        data: The digest of the data set.
        indices: int64 (N,), the positions of the training images in the data set's training set.
        labels: int64 (N,), the labels to train on.
        painting: The patterns painted over these images; None for none.
        teacher_id: The id of the teacher's job, or the ids of the members of an ensemble; None without a teacher.
        teachers: The teacher's checkpoint, or those of the members of an ensemble; empty without a teacher.
        teaching: How several networks teach.
        init: The checkpoint that the weights begin with; None for none.
        init_name: The name of its file.
        extra: Images without labels to show beside the training set, uint8 (M, C, H, W); None for none.
        threads: The number of CPU threads. It is fixed for each training so that results do not depend on how many
            trainings run at the same time.
        interval: How often the state is written.
    """

    id: str
    title: str
    role: Role
    settings: Mapping[str, Any]
    condition: str
    data: str
    indices: np.ndarray
    labels: np.ndarray
    painting: Painting | None = None
    teacher_id: str | None = None
    teachers: tuple[bytes, ...] = ()
    teaching: Teaching = "one"
    init: bytes | None = None
    init_name: str = ""
    extra: np.ndarray | None = None
    threads: int = 1
    interval: CheckpointInterval = field(default=CheckpointInterval())

    @property
    def recipe(self) -> Recipe:
        """The recipe of the training."""
        return recipe_with(Recipe(), self.settings["recipe"])


@dataclass(frozen=True, eq=False)
class Trained:
    """The output of a job.

    Attributes:
        files: The contents of the checkpoint and the history by file name.
        about: Further values to record: device, versions, accuracies, speed, digest of the network.
    """

    files: dict[str, bytes]
    about: dict[str, Any]


def perform(
    training: Training,
    data: Dataset,
    device: torch.device,
    state: Path,
    on_epoch: Callable[[int, int], None] = lambda done, earlier: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Train one network at once; see `perform_in_turns`."""
    return drained(perform_in_turns(training, data, device, state, on_epoch, should_stop))


def perform_in_turns(
    training: Training,
    data: Dataset,
    device: torch.device,
    state: Path,
    on_epoch: Callable[[int, int], None] = lambda done, earlier: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Turns[Trained]:
    """Train one network, continuing from its saved state if there is one.

    Args:
        training: The job.
        data: The data set of the job, as loaded; the job determines the condition and the augmentation.
        device: The device to train on.
        state: The file with the saved state of the training; need not exist.
        on_epoch: Called after each epoch with the number of epochs done, and how many of these an earlier run did.
        should_stop: Called after each epoch; returns whether to stop.

    Returns:
        A generator that takes a step at each turn; its result is the output of the job.

    Raises:
        StoppedError: The training was stopped; its state is written.
        TrainingError: The training failed.
        StorageError: The state could not be written.
        StudyError: The data set differs from the one of the study.
    """
    if data.digest != training.data:
        raise StudyError(
            f"{training.title}: {data.name} on this machine differs from the study's data set: its SHA-256 is different"
        )

    def turns() -> Turns[Trained]:
        threads = training.threads if device.type == "cpu" else None
        steps = _train(training, data, device, state, on_epoch, should_stop)
        return inside(lambda: cpu_threads(threads), steps)

    try:
        try:
            return (yield from turns())
        except StateError as error:
            print(f"{training.title}: {error}; training starts from the beginning", file=sys.stderr, flush=True)
            state.unlink()
            return (yield from turns())
    except RobustKDError:
        raise
    except OSError as error:
        raise StorageError(f"{state.parent}: cannot be written to ({error.strerror or error})") from error
    except Exception as error:  # an error in one training must not end the others
        first_line = (str(error).strip().splitlines() or ["no message"])[0]
        raise TrainingError(f"{training.title}: {type(error).__name__}: {first_line}") from error


def _train(
    training: Training,
    data: Dataset,
    device: torch.device,
    state: Path,
    on_epoch: Callable[[int, int], None],
    should_stop: Callable[[], bool],
) -> Turns[Trained]:
    recipe = training.recipe
    prepared = _training_data(training, data)
    method = method_of(training, prepared, device)
    epochs = sum(stage.recipe.epochs for stage in method.stages(recipe))
    earlier, done = epochs_done(state), 0

    def count(epoch: Epoch) -> None:
        nonlocal done
        done += 1
        on_epoch(done, earlier)

    history = yield from train_in_turns(
        method,
        prepared,
        recipe,
        seed=training.settings["seed"],
        device=device,
        checkpoint=state,
        checkpoint_every=training.interval.epochs or max(1, epochs // 20),
        checkpoint_minutes=training.interval.minutes,
        on_epoch=count,
        should_stop=should_stop,
    )
    return _trained(training, data, method, history, device)


def method_of(training: Training, data: Dataset, device: torch.device) -> Method:
    """Build the untrained method of a job on the CPU: student, teacher and options.

    Args:
        training: The job.
        data: Its data, under its condition.
        device: The device, which estimates statistics of initial weights where the recipe asks for it.
    """
    settings = training.settings
    student = create_model(
        settings["architecture"],
        num_classes=data.num_classes,
        in_chans=data.test.shape[0],
        mean=settings.get("mean"),
        std=settings.get("std"),
        seed=settings["seed"],
    )
    teacher = _teacher_of(training) if training.teachers else None
    with _init_of(training) as init:
        student = begun(student, teacher, init, part_of(data.training, training.recipe.split), device)
    return METHODS[settings["method"]](student, teacher, **settings["options"])


@contextmanager
def _init_of(training: Training) -> Iterator[Initialisation]:
    """The initialisation of a job; a checkpoint that it begins with lies in a file meanwhile."""
    init = training.recipe.init
    if training.init is None:
        yield init
        return
    with tempfile.TemporaryDirectory(prefix="robustkd-") as folder:
        file = Path(folder) / (training.init_name or MODEL_FILE)
        file.write_bytes(training.init)
        yield replace(init, path=str(file))


def _training_data(training: Training, data: Dataset) -> Dataset:
    images = data.training.subset(torch.from_numpy(training.indices))
    images = replace(images, labels=torch.from_numpy(training.labels))
    if training.painting is not None:
        images = training.painting.on(images)
    extra = torch.from_numpy(training.extra) if training.extra is not None else None
    augmentation = Augmentation(**training.settings["augmentation"])
    return replace(data, train=images, augmentation=augmentation, unlabelled=extra)


def _teacher_of(training: Training) -> PixelModel:
    networks = [_loaded(checkpoint) for checkpoint in training.teachers]
    return networks[0] if training.teaching == "one" else ensemble(networks, training.teaching)


def _loaded(checkpoint: bytes) -> PixelModel:
    """Load a teacher, which all trainings that learn from it share; it never changes."""
    key = hashlib.sha256(checkpoint).hexdigest()
    teacher = _TEACHERS.get(key)
    if teacher is None:
        teacher = _TEACHERS[key] = _read(checkpoint)
    return teacher


def _read(checkpoint: bytes) -> PixelModel:
    with tempfile.TemporaryDirectory(prefix="robustkd-") as folder:
        file = Path(folder) / MODEL_FILE
        file.write_bytes(checkpoint)
        return load_model(file)


def _trained(training: Training, data: Dataset, method: Method, history: list[Epoch], device: torch.device) -> Trained:
    settings = training.settings
    lineage = {
        "role": training.role,
        "method": settings["method"],
        "options": settings["options"],
        "seed": settings["seed"],
        "condition": training.condition,
        **selection_record(method),
        "data": settings["data"],
        "job": training.id,
        "teacher_job": training.teacher_id,
        **_untrained_record(method),
        **initialisation_record(method, training.recipe),
        **course_record(history),
    }
    model = method.export()
    model.lineage = {}
    with tempfile.TemporaryDirectory(prefix="robustkd-") as folder:
        file = Path(folder) / MODEL_FILE
        save_model(model, file, lineage)
        checkpoint = file.read_bytes()
    table = history_frame(history).to_csv(index=False, lineterminator="\n").encode()
    about = {
        "device": describe_device(device, training.threads),
        "precision": precision_on(device, training.recipe.precision),
        "versions": package_versions(),
        "digest": model.digest(),
        "shape": [*data.test.shape, data.num_classes],
        "test_accuracy": history[-1].test_accuracy,
        "validation_accuracy": history[-1].validation_accuracy,
        "images_per_second": statistics.median(epoch.images_per_second for epoch in history),
    }
    return Trained({MODEL_FILE: checkpoint, HISTORY_FILE: table}, about)


def _untrained_record(method: Method) -> dict[str, Any]:
    """That its teachers are untrained, which explains a student that is no better than chance."""
    taught_by = members_of(method.teacher) if method.has_teacher else []
    untrained = bool(taught_by) and all(each.lineage.get("untrained") for each in taught_by)
    return {"untrained_teacher": True} if untrained else {}


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Let torch use `count` CPU threads, and restore the number afterwards; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
