"""The state of an interrupted training, in one file; loading it executes no code."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robustkd.atomic import atomic_path
from robustkd.data import Dataset, TrainingBatches
from robustkd.distillation.history import Epoch
from robustkd.distillation.method import Method, Stage
from robustkd.errors import StateError

FORMAT = 2
DIGEST_BYTES = hashlib.sha256().digest_size


def training_identity(method: Method, data: Dataset, stages: tuple[Stage, ...], seed: int) -> dict[str, Any]:
    """Describe everything that determines a training, except the initial weights.

    Args:
        method: The method to train.
        data: The data it is trained on.
        stages: The stages of the training.
        seed: The seed of the training.

    Returns:
        Plain values by name; two trainings have equal values only if one may continue where the other stopped.
    """
    options = [name for name, kind in signature(type(method)).parameters.items() if kind.kind is Parameter.KEYWORD_ONLY]
    return {
        "format": FORMAT,
        "method": method.name,
        "options": {name: repr(getattr(method, name)) for name in options},
        "student": method.student.architecture,
        "parameters": {name: list(tensor.shape) for name, tensor in method.state_dict().items()},
        "teacher": method.teacher.digest() if method.has_teacher else None,
        "data": data.digest,
        "extra images": _digest(data.unlabelled),
        "augmentation": asdict(data.augmentation),
        "stages": [repr(stage) for stage in stages],
        "seed": seed,
    }


def _digest(images: Tensor | None) -> str | None:
    return hashlib.sha256(images.cpu().numpy().tobytes()).hexdigest() if images is not None else None


def save_state(
    path: Path,
    identity: Mapping[str, Any],
    method: Method,
    optimiser: torch.optim.Optimizer,
    batches: TrainingBatches,
    history: list[Epoch],
) -> None:
    """Save the state of a training between two epochs, completely or not at all.

    Args:
        path: The file to write; replaced if it exists.
        identity: The identity of the training.
        method: The method, which holds all trained parameters.
        optimiser: The optimiser of the current stage.
        batches: The batches, whose generator determines the order and augmentation of later epochs.
        history: One entry for each finished epoch.
    """
    state = {
        "identity": dict(identity),
        "method": method.state_dict(),
        "optimiser": optimiser.state_dict(),
        "generator": batches.generator.get_state(),
        "history": [asdict(epoch) for epoch in history],
    }
    buffer = io.BytesIO()  # written to memory first, because torch hides the system's message about a full disk
    torch.save(state, buffer)
    content = buffer.getvalue()
    with atomic_path(path) as partial:
        partial.write_bytes(hashlib.sha256(content).digest() + content)


def load_state(
    path: Path, identity: Mapping[str, Any], method: Method, batches: TrainingBatches
) -> tuple[list[Epoch], dict[str, Any]]:
    """Restore a training from its saved state.

    Args:
        path: The file.
        identity: The identity of the training to continue.
        method: The method that receives the weights.
        batches: The batches that receive the state of the generator.

    Returns:
        The history, and the state of the optimiser of the last stage in it.

    Raises:
        StateError: The file is damaged or belongs to another training; method and batches do not change.
    """
    try:
        whole = path.read_bytes()
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror})") from error
    digest, content = whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
    # torch itself would load a file with a flipped bit
    if hashlib.sha256(content).digest() != digest:
        raise StateError(f"{path}: not a complete training state; delete it to train from the start")
    state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    held = state["identity"]
    for key in identity:
        if held.get(key) != identity[key]:
            raise StateError(
                f"{path}: is the state of another training, with another {key}; delete it, or give another path"
            )
    method.load_state_dict(state["method"])
    batches.generator.set_state(state["generator"])
    return [Epoch(**row) for row in state["history"]], state["optimiser"]


def epochs_done(path: Path) -> int:
    """Return the number of epochs completed when the state was written; 0 if there is no readable state."""
    try:
        content = path.read_bytes()[DIGEST_BYTES:]
        return len(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)["history"])
    except Exception:  # absent, or damaged in any way: `load_state` reports it
        return 0
