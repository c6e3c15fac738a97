"""The training loop: it applies a recipe to a method."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from robustkd.arithmetic import deterministic_convolutions, tensor_float32
from robustkd.data import Dataset, ImageSet, TrainingBatches
from robustkd.distillation.accuracy import count_correct
from robustkd.distillation.device_queue import Clock, OnTheWay, Pace
from robustkd.distillation.failures import (
    MORE_ROOM,
    SMALLER_STEP,
    failures_named,
    refuse_broken_network,
    refuse_infinite_losses,
)
from robustkd.distillation.graphs import Graphs
from robustkd.distillation.history import Epoch
from robustkd.distillation.method import Method, Stage
from robustkd.distillation.optimiser import build_optimiser, restore_optimiser, set_learning_rate
from robustkd.distillation.random_state import RandomState
from robustkd.distillation.recipe import Recipe
from robustkd.distillation.selection import hold_out, select_candidate
from robustkd.distillation.step import Step
from robustkd.distillation.training_state import load_state, save_state, training_identity
from robustkd.distillation.turns import Turns, drained, inside
from robustkd.errors import StoppedError
from robustkd.models import PixelModel


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
    return drained(
        train_in_turns(
            method,
            data,
            recipe,
            seed=seed,
            device=device,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            checkpoint_minutes=checkpoint_minutes,
            on_epoch=on_epoch,
            should_stop=should_stop,
        )
    )


def train_in_turns(
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
) -> Turns[list[Epoch]]:
    """Train as `train` does, one step a turn, so that several trainings of one process share a device.

    Between two turns a training leaves no trace in the state of torch. On CUDA it has a stream of its own.

    Args:
        method: As for `train`; so are all other arguments.
        data: The data set.
        recipe: The recipe.
        seed: The seed.
        device: The device to train on.
        checkpoint: A file for the state of the training.
        checkpoint_every: The largest number of epochs between two writes of that file.
        checkpoint_minutes: The time, in minutes, after which it is written in any case.
        on_epoch: Called after each epoch.
        should_stop: Called after each epoch but the last.

    Returns:
        A generator whose result is the history.
    """
    device = torch.device(device)
    random_state = RandomState(device)
    stream = torch.cuda.Stream(device) if device.type == "cuda" else None
    if stream is not None:
        stream.wait_stream(torch.cuda.current_stream(device))

    @contextmanager
    def own() -> Iterator[None]:
        with ExitStack() as stack:
            if stream is not None:
                stack.enter_context(torch.cuda.stream(stream))
            stack.enter_context(random_state.active())
            stack.enter_context(tensor_float32(recipe.precision != "float32"))
            stack.enter_context(deterministic_convolutions())
            yield

    saving = _Saving(checkpoint, checkpoint_every, checkpoint_minutes)
    training = _Training(method, data, recipe, seed, device, random_state, saving, on_epoch, should_stop)
    return inside(own, training.turns())


@dataclass
class _Saving:
    """When the state of a training is written."""

    file: Path | None
    every: int
    minutes: float
    last: float = 0.0

    def is_due(self, epochs: int) -> bool:
        late = time.monotonic() - self.last > 60 * self.minutes
        return self.file is not None and (epochs % self.every == 0 or late)


@dataclass(frozen=True)
class _Tests:
    """The images that a network is tested on after an epoch, on the device."""

    test: ImageSet
    validation: ImageSet | None


@dataclass
class _Training:
    method: Method
    data: Dataset
    recipe: Recipe
    seed: int
    device: torch.device
    random_state: RandomState
    saving: _Saving
    on_epoch: Callable[[Epoch], None]
    should_stop: Callable[[], bool]

    def turns(self) -> Turns[list[Epoch]]:
        """Train, one step a turn."""
        method, recipe, device = self.method, self.recipe, self.device
        stages = method.stages(recipe)
        total = sum(stage.recipe.epochs for stage in stages)
        with failures_named(f"{method.name}, moving images and networks", recipe, device, MORE_ROOM):
            batches, tests = _place(method, self.data, recipe, self.seed, device)
        if recipe.compile:
            method.compile()
        graphs = Graphs(device, self.random_state, self._tell, on=recipe.graph == "auto")
        history: list[Epoch] = []
        optimiser_state = None
        self.saving.last = time.monotonic()
        identity = training_identity(method, self.data, stages, self.seed) if self.saving.file is not None else {}
        if self.saving.file is not None and self.saving.file.exists():
            history, optimiser_state = load_state(self.saving.file, identity, method, batches)
            for entry in history:
                self.on_epoch(entry)
        for stage in stages:
            done = sum(entry.stage == stage.name for entry in history)
            batches.batch_size = stage.recipe.batch_size
            method.label_smoothing = stage.recipe.label_smoothing
            place = f"{method.name}, stage {stage.name}"
            with (
                _training_only(method, method.trained(stage.name)) as parameters,
                failures_named(place, stage.recipe, device, SMALLER_STEP),
            ):
                optimiser = build_optimiser(parameters, stage.recipe, device)
                if optimiser_state is not None and 0 < done < stage.recipe.epochs:
                    restore_optimiser(optimiser, optimiser_state)
                graphs.forget()
                step = Step(method, batches, optimiser, stage.recipe.precision, graphs, device)
                for epoch in range(done, stage.recipe.epochs):
                    self.random_state.seed(self.seed, len(history))
                    set_learning_rate(optimiser, stage.recipe.learning_rate_at(epoch))
                    history.append((yield from _epoch(method, step, stage, epoch, tests, graphs)))
                    stopping = len(history) < total and self.should_stop()
                    if self.saving.file is not None and (stopping or self.saving.is_due(len(history))):
                        save_state(self.saving.file, identity, method, optimiser, batches, history)
                        self.saving.last = time.monotonic()
                    self.on_epoch(history[-1])
                    if stopping:
                        raise StoppedError(f"{method.name}: stopped after {len(history)} of {total} epochs")
        with failures_named(f"{method.name}, after the last stage", recipe, device, MORE_ROOM):
            select_candidate(method, recipe, tests.validation, tests.test, device)
            refuse_broken_network(method, history[-1], tests.test)
        return history

    def _tell(self, reason: str) -> None:
        print(f"{self.method.name} trains {reason}", file=sys.stderr, flush=True)


def _epoch(method: Method, step: Step, stage: Stage, epoch: int, tests: _Tests, graphs: Graphs) -> Turns[Epoch]:
    device = tests.test.labels.device
    pace, clock = Pace(device), Clock(device)
    method.begin_epoch(stage.name, epoch, stage.recipe.epochs)
    method.train()
    sizes = step.begin_epoch()
    for size in sizes:
        step(size)
        yield size
        for _ in pace.step():
            yield 0
    names, table = step.results()
    numbers = OnTheWay(table)
    clock.stop()
    exported = method.export()
    shown = [images for images in (tests.test, tests.validation) if images is not None]
    correct = OnTheWay(*(_correct(method, exported, images, graphs) for images in shown))
    for arriving in (numbers, correct):
        for _ in arriving.arrive():
            yield 0
    losses = numbers.tensors[0].double().numpy()
    refuse_infinite_losses(losses, names, method, stage.name, epoch)
    means = np.array(sizes) / sum(sizes) @ losses[:, :-1]
    shares = [int(count) / len(images) for count, images in zip(correct.tensors, shown, strict=True)]
    return Epoch(
        stage=stage.name,
        epoch=epoch,
        learning_rate=stage.recipe.learning_rate_at(epoch),
        loss=float(means.sum()),
        losses=dict(zip(names, means.tolist(), strict=True)),
        train_accuracy=float(losses[:, -1].sum()) / sum(sizes),
        test_accuracy=shares[0],
        validation_accuracy=shares[1] if tests.validation is not None else None,
        images_per_second=sum(sizes) / clock.seconds,
    )


def _correct(method: Method, exported: PixelModel, images: ImageSet, graphs: Graphs) -> Tensor:
    device = images.labels.device

    def count() -> Tensor:
        return count_correct(exported, images, device)

    # a network that is put together anew for each epoch cannot be replayed
    if exported is not method.export() or not isinstance(images.images, Tensor):
        return count()
    return graphs.call((exported, images), count)


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
    if device.type == "cuda":
        # images and teacher may be shared with trainings on other streams, which do not wait for this one
        torch.cuda.current_stream(device).synchronize()
    return batches, tests


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
