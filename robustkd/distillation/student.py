"""Train one network with one method: the function behind `robustkd.train`."""

import copy
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from robustkd.data import Clean, Dataset
from robustkd.devices import resolve_device
from robustkd.distillation.history import Epoch, course_record, history_frame
from robustkd.distillation.initial_weights import begun, initialisation_record
from robustkd.distillation.method import METHODS, Method
from robustkd.distillation.recipe import Recipe
from robustkd.distillation.selection import part_of, selection_record
from robustkd.distillation.trainer import train
from robustkd.errors import BadInputError, ModelError, nearest
from robustkd.models import PixelModel
from robustkd.progress import progress
from robustkd.roles import Role


@dataclass(frozen=True, eq=False)
class TrainedStudent:
    """A trained network and how it was trained.

    Attributes:
        model: The network, in evaluation mode; its `lineage` records method, options, seed, recipe and condition.
        history: One row for each epoch: losses, learning rate, accuracies (0 to 1), images per second.
        method: The name of the method.
    """

    model: PixelModel
    history: pd.DataFrame
    method: str

    @property
    def test_accuracy(self) -> float:
        """The share of the test images classified correctly after the last epoch, 0 to 1."""
        return float(self.history["test_accuracy"].iloc[-1])

    def __repr__(self) -> str:
        network = f"{self.model.architecture}, {self.model.num_parameters:,} parameters"
        return f"TrainedStudent({self.method}: {network}, {len(self.history)} epochs, {self.test_accuracy:.1%} on test)"


def train_student(
    method: str,
    model: PixelModel,
    data: Dataset,
    *,
    teacher: PixelModel | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    role: Role | None = None,
    device: str | torch.device = "auto",
    checkpoint: Path | str | None = None,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainedStudent:
    """Train a network with a distillation method, or without a teacher with the method ``baseline``.

    On a CPU with the same number of threads, the result is bit for bit that of a study with the same settings, if the
    model was created with the same seed.

    Args:
        method: A name of `robustkd list methods`.
        model: The network with its initial weights; a copy is trained, the given network does not change.
        data: The images; the training set is used under `data.condition`.
        teacher: The network to learn from; methods that need none ignore it.
        recipe: The recipe; if None, the paper's 200 epochs.
        seed: The seed of the order and augmentation of the images and of all that the method draws, ≥ 0.
        options: Options of the method that differ from its defaults, such as ``{"temperature": 2}``.
        role: The role that the network will have, for a condition that differs between roles; None for ``baseline``
            with the method ``baseline``, else ``student``.
        device: The device to train on: ``auto``, ``cpu``, ``cuda``, …
        checkpoint: A file for the state of the training; if it exists, the training continues from it.
        on_epoch: Called after each epoch.
        should_stop: Called after each epoch; if it returns true, the state is saved and `StoppedError` raised.

    Returns:
        The trained network and its history.

    Raises:
        BadInputError: The method or an option is unknown, a value is not valid, or the method needs a teacher.
        ModelError: The networks do not fit the images or each other.
        DataError: There are no training images.
        TrainingError: The training failed.

    >>> import robustkd as rk
    >>> data = rk.load_dataset("digits")
    >>> model = rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    >>> student = rk.train("baseline", model, data, recipe=rk.Recipe(epochs=1, milestones=()), device="cpu")
    >>> student.model.architecture, len(student.history)
    ('cifar_wrn_10_1', 1)
    """
    recipe = recipe if recipe is not None else Recipe()
    _refuse_misfit(model, data, "the model")
    if teacher is not None and METHODS[method].needs_teacher:
        _refuse_misfit(teacher, data, "the teacher")
    if seed < 0:
        raise BadInputError(f"seed must be at least 0, got {seed}")
    role = role or ("baseline" if method == "baseline" else "student")
    conditioned = data.trained_on(seed, role)
    place = resolve_device(str(device))
    student = copy.deepcopy(model).requires_grad_(True)
    student = begun(student, teacher, recipe.init, part_of(conditioned.images, recipe.split), place)
    built = _method(method, student, teacher, options or {})
    epochs = sum(stage.recipe.epochs for stage in built.stages(recipe))
    with progress(f"train {method}", epochs) as advance:

        def told(epoch: Epoch) -> None:
            advance(1)
            on_epoch(epoch)

        history = train(
            built,
            replace(data, train=conditioned.images, condition=Clean()),
            recipe,
            seed=seed,
            device=place,
            checkpoint=Path(checkpoint) if checkpoint is not None else None,
            on_epoch=told,
            should_stop=should_stop,
        )
    trained = built.export().eval().cpu()
    trained.lineage = {
        "role": role,
        "method": method,
        "options": {name: getattr(built, name) for name in _options_of(type(built))},
        "seed": seed,
        "recipe": asdict(recipe),
        "condition": data.condition.for_role(role).label,
        **selection_record(built),
        "data": _digest(conditioned.images.digest, conditioned.images.labels),
        "teacher": teacher.digest() if teacher is not None and built.has_teacher else None,
        **initialisation_record(built, recipe),
        **course_record(history),
    }
    return TrainedStudent(trained, history_frame(history), method)


def _method(name: str, student: PixelModel, teacher: PixelModel | None, options: Mapping[str, Any]) -> Method:
    kind = METHODS[name]
    known = _options_of(kind)
    for option in options:
        if option not in known:
            raise BadInputError(f"{name} has no option {option!r}: {nearest(option, known)}")
    if kind.needs_teacher and teacher is None:
        raise BadInputError(f"{name} needs a teacher: give teacher=, or train with the method baseline")
    try:
        return kind(student, teacher if kind.needs_teacher else None, **options)
    except ValueError as error:
        raise BadInputError(f"{name}: {error}") from error


def _options_of(kind: type[Method]) -> list[str]:
    return [name for name, given in signature(kind).parameters.items() if given.kind is Parameter.KEYWORD_ONLY]


def _refuse_misfit(model: PixelModel, data: Dataset, called: str) -> None:
    if model.num_classes is not None and model.num_classes != data.num_classes:
        raise ModelError(f"{called} has {model.num_classes} classes, {data.name} has {data.num_classes}")
    channels = getattr(model.module, "in_chans", None)
    if channels is not None and channels != data.test.shape[0]:
        raise ModelError(f"{called} takes images of {channels} channels, {data.name} has {data.test.shape[0]}")


def _digest(images: str, labels: torch.Tensor) -> str:
    return hashlib.sha256(images.encode() + labels.cpu().numpy().tobytes()).hexdigest()
