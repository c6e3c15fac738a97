"""The training loop: it applies a recipe to a method."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from robustkd.arithmetic import deterministic_convolutions, tensor_float32
from robustkd.data import Dataset, TrainingBatches
from robustkd.data.extra_images import extra_images
from robustkd.distillation.epoch import Tests, train_epoch
from robustkd.distillation.failures import (
    MORE_ROOM,
    SMALLER_STEP,
    failures_named,
    refuse_broken_network,
)
from robustkd.distillation.fidelity import Fidelity
from robustkd.distillation.fitting import refuse_unfit
from robustkd.distillation.graphs import Graphs
from robustkd.distillation.history import Epoch
from robustkd.distillation.method import Method, Stage
from robustkd.distillation.optimiser import build_optimiser, restore_optimiser, set_learning_rate
from robustkd.distillation.random_state import RandomState
from robustkd.distillation.recipe import Recipe
from robustkd.distillation.resampling import resample
from robustkd.distillation.selection import hold_out, part_of, select_candidate
from robustkd.distillation.step import Step
from robustkd.distillation.training_state import load_state, save_state, training_identity
from robustkd.distillation.turns import Turns, drained, inside
from robustkd.errors import StoppedError


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
            the recipe holds out or leaves out. Its test set is only used to report accuracies, unless the recipe
            selects by it.
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


@dataclass
class _Training:
    """A training on its way; what it places and finds is set when its turns begin."""

    method: Method
    data: Dataset
    recipe: Recipe
    seed: int
    device: torch.device
    random_state: RandomState
    saving: _Saving
    on_epoch: Callable[[Epoch], None]
    should_stop: Callable[[], bool]
    history: list[Epoch] = field(default_factory=list)
    identity: dict[str, Any] = field(default_factory=dict)
    stages: tuple[Stage, ...] = ()
    batches: TrainingBatches = field(init=False)
    tests: Tests = field(init=False)
    graphs: Graphs = field(init=False)

    def turns(self) -> Turns[list[Epoch]]:
        """Train, one step a turn."""
        method, recipe, device, saving = self.method, self.recipe, self.device, self.saving
        refuse_unfit(method, recipe)
        method.frozen_batch_norm = recipe.frozen_batch_norm
        self.data = _with_extra_images(self.data, recipe)
        self.stages = method.stages(recipe)
        with failures_named(f"{method.name}, moving images and networks", recipe, device, MORE_ROOM):
            self.batches, self.tests = _place(method, self.data, recipe, self.seed, device)
        if recipe.compile:
            method.compile()
        self.graphs = Graphs(device, self.random_state, self._tell, on=recipe.graph == "auto")
        optimiser_state = None
        saving.last = time.monotonic()
        if saving.file is not None:
            self.identity = training_identity(method, self.data, self.stages, self.seed)
            if saving.file.exists():
                self.history, optimiser_state = load_state(saving.file, self.identity, method, self.batches)
                for entry in self.history:
                    self.on_epoch(entry)
        for stage in self.stages:
            place = f"{method.name}, stage {stage.name}"
            with (
                _training_only(method, method.trained(stage.name)) as parameters,
                failures_named(place, stage.recipe, device, SMALLER_STEP),
            ):
                yield from self._stage(stage, parameters, optimiser_state)
        with failures_named(f"{method.name}, after the last stage", recipe, device, MORE_ROOM):
            select_candidate(method, recipe, self.tests.validation, self.tests.test, device)
            refuse_broken_network(method, self.history[-1], self.tests.test)
        return self.history

    def _stage(
        self, stage: Stage, parameters: list[nn.Parameter], optimiser_state: dict[str, Any] | None
    ) -> Turns[None]:
        done = sum(entry.stage == stage.name for entry in self.history)
        self.batches.batch_size = stage.recipe.batch_size
        self.method.label_smoothing = stage.recipe.label_smoothing
        optimiser = build_optimiser(parameters, stage.recipe, self.device)
        if optimiser_state is not None and 0 < done < stage.recipe.epochs:
            restore_optimiser(optimiser, optimiser_state)
        self.graphs.forget()
        step = Step(self.method, self.batches, optimiser, stage.recipe.precision, self.graphs, self.device)
        for epoch in range(done, stage.recipe.epochs):
            self.random_state.seed(self.seed, len(self.history))
            set_learning_rate(optimiser, stage.recipe.learning_rate_at(epoch))
            entry = yield from train_epoch(self.method, step, stage, epoch, self.tests, self.graphs)
            self.history.append(entry)
            self._end_epoch(optimiser)

    def _end_epoch(self, optimiser: torch.optim.Optimizer) -> None:
        done, total = len(self.history), sum(stage.recipe.epochs for stage in self.stages)
        stopping = done < total and self.should_stop()
        if self.saving.file is not None and (stopping or self.saving.is_due(done)):
            save_state(self.saving.file, self.identity, self.method, optimiser, self.batches, self.history)
            self.saving.last = time.monotonic()
        self.on_epoch(self.history[-1])
        if stopping:
            raise StoppedError(f"{self.method.name}: stopped after {done} of {total} epochs")

    def _tell(self, reason: str) -> None:
        print(f"{self.method.name} trains {reason}", file=sys.stderr, flush=True)


def _with_extra_images(data: Dataset, recipe: Recipe) -> Dataset:
    """The data with the images without labels that the recipe shows beside them, unless they hold them already."""
    extra = recipe.distillation_data.extra
    if extra is None:
        return replace(data, unlabelled=None)
    return data if data.unlabelled is not None else replace(data, unlabelled=extra_images(extra, data.training))


def _place(
    method: Method, data: Dataset, recipe: Recipe, seed: int, device: torch.device
) -> tuple[TrainingBatches, Tests]:
    """Prepare the method, and move networks and images to the device; the recipe chooses among the images."""
    training, validation = hold_out(part_of(data.training, recipe.split), recipe.validation_fraction)
    training = resample(training, recipe.resampling)
    method.prepare(training.labels.cpu())
    batches = TrainingBatches(
        training,
        recipe.batch_size,
        data.augmentation,
        seed,
        device,
        data=recipe.distillation_data,
        extra=data.unlabelled,
        views=method.views,
    )
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
    test = data.test.to(device)
    fidelity = Fidelity(method.teacher, test, device) if recipe.evaluate_every and method.has_teacher else None
    return batches, Tests(test, validation.to(device) if validation is not None else None, fidelity)


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
