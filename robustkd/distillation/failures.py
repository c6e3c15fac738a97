"""Failures of a training, as errors that say what to change."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from robustkd.data import ImageSet
from robustkd.distillation.accuracy import EVALUATION_BATCH_SIZE
from robustkd.distillation.history import Epoch
from robustkd.distillation.method import Method
from robustkd.distillation.recipe import Recipe
from robustkd.errors import TrainingError

SMALLER_STEP = "lower batch_size, or use a smaller network or precision bfloat16"
MORE_ROOM = (
    "even without a batch there is not enough memory, so run fewer trainings at once (jobs_per_device, workers), or "
    "use a smaller network or fewer images"
)


def refuse_infinite_losses(table: np.ndarray, names: tuple[str, ...], method: Method, stage: str, epoch: int) -> None:
    """Raise an error at the first loss that is not finite.

    Args:
        table: The losses of an epoch, float (steps, at least as many columns as names).
        names: The names of the losses.
        method: The method.
        stage: The name of the stage.
        epoch: The number of the epoch within the stage, counted from 0.

    Raises:
        TrainingError: A loss is not finite.
    """
    broken = np.argwhere(~np.isfinite(table))
    if len(broken):
        step, part = broken[0]
        raise TrainingError(
            f"{method.name}: the loss {names[part]} is {table[step, part]} in stage {stage}, epoch {epoch}, "
            f"step {step} (counted from 0): lower the learning rate or the loss's weight"
        )


@torch.no_grad()
def refuse_broken_network(method: Method, last: Epoch, images: ImageSet) -> None:
    """Raise an error if the exported network is not finite: no loss shows what the last step has broken.

    Args:
        method: The method, after its last step.
        last: The last epoch.
        images: Images on the device of the method.

    Raises:
        TrainingError: The network, or what it predicts, is not finite.
    """
    network = method.export()
    training, state = network.training, network.state_dict()
    broken = [f"the weights {name.removeprefix('module.')}" for name in state if not state[name].isfinite().all()]
    # finite weights may be so large that the outputs are not finite
    shown = images.pixels(0, EVALUATION_BATCH_SIZE, images.labels.device)
    if not broken and not network.eval()(shown).isfinite().all():
        broken = ["the network's predictions"]
    network.train(training)
    if broken:
        raise TrainingError(
            f"{method.name}: {broken[0]} are not finite after stage {last.stage}, epoch {last.epoch} (counted from 0): "
            "lower the learning rate"
        )


@contextmanager
def failures_named(place: str, recipe: Recipe, device: torch.device, remedy: str) -> Iterator[None]:
    """Turn torch's errors about too little memory or too small a batch into an error that says what to change.

    Args:
        place: What runs inside the context.
        recipe: The recipe of the stage.
        device: The device.
        remedy: What helps against too little memory.

    Raises:
        TrainingError: There is too little memory, or a batch that cannot be normalised.
    """
    size = recipe.batch_size
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # only CUDA has its own exception for it; CPU and MPS are recognised by the message
        known = isinstance(error, (torch.OutOfMemoryError, MemoryError))
        if not known and not any(words in str(error) for words in ("out of memory", "can't allocate memory")):
            raise
        raise TrainingError(f"{place}: out of memory on {device} at batch size {size}: {remedy}") from error
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise TrainingError(
            f"{place}: this network cannot normalise a batch of one image, and batch size {size} leaves one image over "
            "in each epoch: change batch_size by one"
        ) from error
