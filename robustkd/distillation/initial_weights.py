"""Initial weights: of the student, as its recipe says, and of the modules that a method adds to it.

Those of added modules are drawn with a seed derived from the student's own weights: students with different seeds get
different weights, the same student always gets the same ones, and the global random state does not change.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from robustkd.data import ImageSet
from robustkd.distillation.batch_norms import estimate_statistics
from robustkd.distillation.initialisation import Initialisation
from robustkd.distillation.method import Method
from robustkd.distillation.recipe import Recipe
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model, load_model


def begun(
    student: PixelModel,
    teacher: PixelModel | None,
    init: Initialisation,
    images: ImageSet,
    device: torch.device | str = "cpu",
) -> PixelModel:
    """Return a student with the initial weights that its recipe asks for.

    Args:
        student: The student with weights drawn by its seed, on the CPU; it may be changed in place.
        teacher: The teacher; None without one.
        init: What the recipe asks for.
        images: The training images, on which statistics of batch normalisation are estimated.
        device: The device for that.

    Returns:
        The student, on the CPU.

    Raises:
        ModelError: Teacher or checkpoint are of another architecture, or the teacher does not state its seed.
    """
    if init.path is not None:
        source = load_model(init.path, num_classes=student.num_classes)
        _refuse_other_architecture(student, source, f"init.path {init.path}")
        student.module.load_state_dict(source.module.state_dict())
        student.lineage = {}
        return student
    if not init.needs_teacher or teacher is None:
        return student
    _refuse_other_architecture(student, teacher, "the teacher")
    if init.shared:
        seed = teacher.lineage.get("initial_seed")
        if seed is None:
            raise ModelError("init: shared: the teacher's checkpoint does not state the seed of its initial weights")
        return _drawn_like(student, int(seed))
    assert init.near_teacher is not None
    share = init.near_teacher
    with torch.no_grad():
        for own, wanted in zip(student.parameters(), teacher.parameters(), strict=True):
            own.copy_(share * wanted.to(own.device) + (1 - share) * own)
    estimate_statistics(student.to(device), images, device)
    student.lineage = {}
    return student.cpu()


def initialisation_record(method: Method, recipe: Recipe) -> dict[str, Any]:
    """Return where the weights of a training began, for the header of its checkpoint.

    Args:
        method: The method, after its training.
        recipe: The recipe of the training.

    Returns:
        ``initial_seed``, by which they were drawn, if that is known: other candidates than the first begin with other
        weights; and ``init``, if the recipe asks for other weights than those drawn by the seed of the training.
    """
    init = recipe.init
    record: dict[str, Any] = {}
    if method.chosen == 0 and "initial_seed" in method.student.lineage:
        record["initial_seed"] = method.student.lineage["initial_seed"]
    if init.shared:
        record["init"] = "shared"
    elif init.near_teacher is not None:
        record["init"] = {"near_teacher": init.near_teacher}
    elif init.path is not None:
        record["init"] = "checkpoint"
    return record


def _refuse_other_architecture(student: PixelModel, other: PixelModel, called: str) -> None:
    if other.architecture != student.architecture or other.num_parameters != student.num_parameters:
        raise ModelError(
            f"init: {called} is a {other.architecture}, and the student a {student.architecture}: initial weights need "
            "one architecture"
        )


@contextmanager
def seeded_by(model: PixelModel, index: int = 0) -> Iterator[None]:
    """Draw the weights of modules that are built inside the context with a seed derived from a network's weights.

    Args:
        model: The network.
        index: A number that distinguishes several uses of one network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(model.digest()[:8], 16) + index)
        yield


def twin(model: PixelModel, index: int) -> PixelModel:
    """Build a network of the same architecture with other initial weights.

    Args:
        model: A network of an architecture that timm knows.
        index: A number that distinguishes several twins of one network.

    Returns:
        The twin, on the same device, in training mode.

    Raises:
        ModelError: timm does not know the architecture.
    """
    with seeded_by(model, index):
        made = _drawn_like(model, None)
    return made.to(next(model.parameters()).device)


def drawn_from(model: PixelModel, architecture: str) -> PixelModel:
    """Build a network of another architecture for the same images and classes.

    Its initial weights are drawn with a seed derived from the weights of the given network.

    Args:
        model: The network whose images and classes it is for.
        architecture: The architecture.

    Returns:
        The network, on the same device, in training mode.

    Raises:
        ModelError: timm does not know the architecture.
    """
    with seeded_by(model):
        made = create_model(architecture, **_task_of(model))
    return made.to(next(model.parameters()).device)


def _drawn_like(model: PixelModel, seed: int | None) -> PixelModel:
    """A network like another, with initial weights drawn by a seed, or by torch's random state."""
    return create_model(
        model.architecture, seed=seed, image_size=model.image_size, options=model.options, **_task_of(model)
    )


def _task_of(model: PixelModel) -> dict[str, Any]:
    """The images and classes that a network is for, as `create_model` takes them."""
    return {
        "num_classes": model.num_classes or 0,
        "in_chans": getattr(model.module, "in_chans", 3),
        "mean": model.mean.flatten().tolist() if model.normalises else None,
        "std": model.std.flatten().tolist() if model.normalises else None,
        "channel_order": model.channel_order,
    }
