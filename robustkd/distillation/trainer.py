"""The training loop: it applies a recipe to a method."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from robustkd.data import Dataset, ImageSet, TrainingBatches
from robustkd.distillation.accuracy import EVALUATION_BATCH_SIZE, accuracy
from robustkd.distillation.history import Epoch
from robustkd.distillation.method import Method, Stage
from robustkd.distillation.recipe import Recipe
from robustkd.distillation.selection import hold_out, select_candidate
from robustkd.distillation.training_state import load_state, save_state, training_identity
from robustkd.errors import StoppedError, TrainingError


def train(
    method: Method,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    checkpoint: Path | None = None,
    checkpoint_every: int = 1,
    checkpoint_minutes: float = math.inf,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Epoch]:
    """Train a method: it keeps the weights of the last epoch, and the recipe's rule chooses what it exports.

    The result depends on the initial weights and on these arguments. It does not depend on the global random state,
    which does not change either. A method that was compiled beforehand, with any backend, is trained as it is.

    Args:
        method: The method, which is trained in place.
        data: The data set. The method is trained on its training set, with its augmentation, without the images that
            the recipe holds out. Its test set is only used to report accuracies, unless the recipe selects by it.
        recipe: The recipe; the method may split it into stages.
        seed: The seed, at least 0, of the order and augmentation of the images and of all random numbers that the
            method or its networks draw. It does not affect the initial weights.
        device: The device to train on.
        checkpoint: A file for the state of the training. If it exists, the training continues from it; on a CPU the
            result is bit for bit that of an uninterrupted training.
        checkpoint_every: The largest number of epochs between two writes of that file.
        checkpoint_minutes: The time, in minutes, after which it is written at the end of the current epoch in any case.
        on_epoch: A function that is called after each epoch; a continued training reports the earlier epochs first.
        should_stop: A function that is called after each epoch but the last; if it returns true, the checkpoint is
            written and the training ends.

    Returns:
        The history, one entry per epoch.

    Raises:
        TrainingError: A loss or the trained network was not finite, or there was not enough memory.
        StoppedError: `should_stop` returned true.
        DataError: There are no training images, or too few to hold some out.
        StateError: The checkpoint is damaged or belongs to another training.
    """
    device = torch.device(device)
    stages = method.stages(recipe)
    with _failures_named(f"{method.name}, moving images and networks", recipe, device, MORE_ROOM):
        batches, tests = _place(method, data, recipe, seed, device)
    if recipe.compile:
        method.compile()
    history: list[Epoch] = []
    optimiser_state = None
    total = sum(stage.recipe.epochs for stage in stages)
    saved = time.monotonic()
    identity = training_identity(method, data, stages, seed) if checkpoint is not None else {}
    if checkpoint is not None and checkpoint.exists():
        history, optimiser_state = load_state(checkpoint, identity, method, batches)
        for entry in history:
            on_epoch(entry)
    for stage in stages:
        done = sum(entry.stage == stage.name for entry in history)
        batches.batch_size = stage.recipe.batch_size
        method.label_smoothing = stage.recipe.label_smoothing
        place = f"{method.name}, stage {stage.name}"
        with (
            _training_only(method, method.trained(stage.name)) as parameters,
            _failures_named(place, stage.recipe, device, SMALLER_STEP),
        ):
            optimiser = _optimiser(parameters, stage.recipe, device)
            if optimiser_state is not None and 0 < done < stage.recipe.epochs:
                optimiser.load_state_dict(optimiser_state)
            for epoch in range(done, stage.recipe.epochs):
                with _seeded(seed, len(history), device):
                    entry = _train_epoch(method, batches, optimiser, stage, epoch, tests)
                history.append(entry)
                stopping = len(history) < total and should_stop()
                late = time.monotonic() - saved > 60 * checkpoint_minutes
                if checkpoint is not None and (len(history) % checkpoint_every == 0 or late or stopping):
                    save_state(checkpoint, identity, method, optimiser, batches, history)
                    saved = time.monotonic()
                on_epoch(entry)
                if stopping:
                    raise StoppedError(f"{method.name}: stopped after {len(history)} of {total} epochs")
    with _failures_named(f"{method.name}, after the last stage", recipe, device, MORE_ROOM):
        select_candidate(method, recipe, tests.validation, tests.test, device)
        _refuse_broken_network(method, history[-1], tests.test)
    return history


@dataclass(frozen=True)
class _Tests:
    """The images that a network is tested on after an epoch, on the device."""

    test: ImageSet
    validation: ImageSet | None


def _train_epoch(
    method: Method,
    batches: TrainingBatches,
    optimiser: torch.optim.Optimizer,
    stage: Stage,
    epoch: int,
    tests: _Tests,
) -> Epoch:
    device = tests.test.labels.device
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=stage.recipe.precision == "bfloat16")
    learning_rate = stage.recipe.learning_rate_at(epoch)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate
    method.begin_epoch(stage.name, epoch, stage.recipe.epochs)
    method.train()
    names: list[str] = []
    losses: list[Tensor] = []
    correct: list[Tensor] = []
    sizes: list[int] = []
    start = time.perf_counter()
    for batch in batches.epoch():
        with autocast:
            supervision = method(batch)
        parts = torch.stack(list(supervision.losses.values()))
        optimiser.zero_grad()
        parts.sum().backward()
        optimiser.step()
        # kept on the device: reading a number here would wait for the step to finish
        losses.append(parts.detach())
        correct.append((supervision.logits.detach().argmax(1) == batch.labels).sum())
        sizes.append(len(batch.labels))
        names = list(supervision.losses)
    table = _read(losses, correct)
    seconds = time.perf_counter() - start
    _refuse_not_finite(table, names, method, stage.name, epoch)
    means = np.array(sizes) / sum(sizes) @ table[:, :-1]
    exported = method.export()
    return Epoch(
        stage=stage.name,
        epoch=epoch,
        learning_rate=learning_rate,
        loss=float(means.sum()),
        losses=dict(zip(names, means.tolist(), strict=True)),
        train_accuracy=float(table[:, -1].sum()) / sum(sizes),
        test_accuracy=accuracy(exported, tests.test, device),
        validation_accuracy=accuracy(exported, tests.validation, device) if tests.validation is not None else None,
        images_per_second=sum(sizes) / seconds,
    )


def _read(losses: list[Tensor], correct: list[Tensor]) -> np.ndarray:
    """Copy an epoch's losses (steps, parts) and correct predictions (steps) from the device, as one float64 table."""
    parts = torch.stack(losses)
    table = torch.cat([parts, torch.stack(correct)[:, None].to(parts.dtype)], dim=1)
    return table.cpu().double().numpy()


def _refuse_not_finite(table: np.ndarray, names: list[str], method: Method, stage: str, epoch: int) -> None:
    broken = np.argwhere(~np.isfinite(table))
    if len(broken):
        step, part = broken[0]
        raise TrainingError(
            f"{method.name}: the loss {names[part]} is {table[step, part]} in stage {stage}, epoch {epoch}, "
            f"step {step} (counted from 0): lower the learning rate or the loss's weight"
        )


@torch.no_grad()
def _refuse_broken_network(method: Method, last: Epoch, images: ImageSet) -> None:
    """No loss is computed after the last step, so what that step breaks can only be seen in the exported network."""
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


def _place(
    method: Method, data: Dataset, recipe: Recipe, seed: int, device: torch.device
) -> tuple[TrainingBatches, _Tests]:
    """Move the networks and the images to the device; the recipe may hold out some images."""
    training, validation = hold_out(data.training, recipe.validation_fraction)
    batches = TrainingBatches(training, recipe.batch_size, data.augmentation, seed, device)
    tests = _Tests(data.test.to(device), validation.to(device) if validation is not None else None)
    networks: list[nn.Module] = [method, method.teacher.eval()] if method.has_teacher else [method]
    for network in networks:
        network.to(device)
        # batches are channels last: a GPU would reorder the weights at every convolution; on a CPU the order makes no
        # difference to the networks, and the optimiser is faster without it
        if device.type == "cuda":
            network.to(memory_format=torch.channels_last)
    return batches, tests


def _optimiser(parameters: list[nn.Parameter], recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    fused = device.type in ("cpu", "cuda", "mps")
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=fused)
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=fused)
    momentum, nesterov = recipe.momentum, recipe.nesterov
    return torch.optim.SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay, nesterov=nesterov, fused=fused)


@contextmanager
def _training_only(method: Method, parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    """Let only these parameters of a method require gradients; restore all of them afterwards."""
    before = {parameter: parameter.requires_grad for parameter in method.parameters()}
    try:
        method.requires_grad_(False)
        for parameter in parameters:
            parameter.requires_grad_(True)
        yield parameters
    finally:
        for parameter, required in before.items():
            parameter.requires_grad_(required)


@contextmanager
def _seeded(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Seed the global random state of an epoch by seed and epoch only; restore it afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0]))
        yield


SMALLER_STEP = "lower batch_size, or use a smaller network or precision bfloat16"
MORE_ROOM = (
    "even without a batch there is not enough memory, so run fewer trainings at once (jobs_per_device, workers), or "
    "use a smaller network or fewer images"
)


@contextmanager
def _failures_named(place: str, recipe: Recipe, device: torch.device, remedy: str) -> Iterator[None]:
    """Turn torch's errors about too little memory or too small a batch into an error that says what to change."""
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
