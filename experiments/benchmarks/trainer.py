"""Compare the speed of the trainer with what the device allows and with plain training loops.

    python experiments/benchmarks/trainer.py --network cifar_wrn_10_2 --image-size 32

For every stage of every method, the variants are timed alternately, one epoch each, on the same network, data and
batch size:

* the trainer: `robustkd.distillation.train`, without the evaluation on the test images after the epoch;
* the floor: the method's forward and backward pass and optimiser step on one batch that stays on the device, no data
  handling and no statistics; on a GPU it is replayed from a CUDA graph;
* the plain loop, as in other toolkits: `DataLoader` with PIL transforms, and `.item()` on loss and accuracy at each
  step;
* with ``--loops``, the same loop with torchvision's second transforms on tensors, or with kornia on the device.

The loops make no other views of the images: a method that asks for some, such as `uda`, is shown the same pixels again,
which favours them.

A ratio is the median of the ratios within a round, so that other load on the machine slows all variants equally. On a
GPU more lines are printed: the floor at batch 1,000, where the chip is full, and, with ``--together 1 4 8``, as many
trainings in one process, on epochs as long as CIFAR-10's. Images are random, because the speed does not depend on their
content.
"""

import argparse
import json
import os
import statistics
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from plain_loops import LOOPS, loader_of
from torch import Tensor

from robustkd.arithmetic import autocast, deterministic_convolutions, tensor_float32
from robustkd.data import Batch, Dataset, ImageSet, TrainingBatches
from robustkd.data.augmentation import CIFAR_AUGMENTATION
from robustkd.devices import resolve_device
from robustkd.distillation import METHODS, Epoch, Method, Recipe, train
from robustkd.distillation.optimiser import build_optimiser
from robustkd.distillation.trainer import train_in_turns
from robustkd.errors import RobustKDError
from robustkd.models import create_model

CLASSES = 10
NAME = 2 + max(map(len, METHODS.names()))
"""The width of the column of methods."""
FULL = 1000
"""The batch size at which a large GPU is full with small networks."""


def main() -> None:
    """Measure, print, and write the JSON file if one is wanted."""
    settings = _arguments()
    device = resolve_device(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    loops = ["plain", *settings.loops]
    print(
        f"{settings.network} from {settings.teacher}, {settings.image_size}×{settings.image_size}, batch "
        f"{settings.batch_size}, {settings.precision} on {_name(device)}, {torch.get_num_threads()} threads, "
        f"{settings.workers} loader processes, torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}\n"
    )
    rows: list[dict[str, Any]] = []
    full = full_chip(settings, device) if device.type == "cuda" else None
    if full is not None:
        print(f"the chip when full, batch {FULL:,}: {full:,.0f} images/s")
        for count in settings.together:
            rows.append(_together_row(count, full, settings, device))
        print()
    print(
        f"{'method':{NAME}}{'stage':16}{'images/s':>10}{'floor':>10}"
        + "".join(f"{loop:>12}" for loop in loops)
        + f"{'of floor':>10}{'× plain':>9}"
    )
    data = _random_data(settings.steps * settings.batch_size, settings.image_size)
    loaders = {loop: loader_of(loop, data, settings, device) for loop in loops}
    for name in settings.methods:
        try:
            measured = measure(name, data, loaders, settings, device)
        except RobustKDError as error:
            print(f"{name:{NAME}}does not apply: {error}")
            continue
        for row in measured:
            rows.append(row)
            print(
                f"{row['method']:{NAME}}{row['stage']:16}{row['images_per_second']:10.0f}{row['floor']:10.0f}"
                + "".join(f"{row[loop]:12.0f}" for loop in loops)
                + f"{row['share_of_floor']:10.2f}{row['times_plain']:9.2f}",
                flush=True,
            )
    if settings.json:
        about = {**vars(settings), "json": None, "threads": torch.get_num_threads(), "torch": torch.__version__}
        about |= {"device_name": _name(device), "full": full}
        settings.json.write_text(json.dumps({"settings": about, "rows": rows}, indent=2) + "\n", encoding="utf-8")


def measure(
    name: str, data: Dataset, loaders: Mapping[str, Any], settings: argparse.Namespace, device: torch.device
) -> list[dict[str, Any]]:
    """Time the variants alternately for one method.

    Args:
        name: The name of the method.
        data: The images.
        loaders: The batches of each loop, by its name.
        settings: The arguments of the command line.
        device: The device to run on.

    Returns:
        One row per stage: images per second of each variant, and the trainer's ratios to the others.
    """
    # a first stage may be half as long as the training, and the first rounds of each are for warming up
    recipe = _recipe(settings, epochs=2 * (settings.rounds + WARM_UP))
    rounds: dict[str, list[dict[str, float]]] = defaultdict(list)
    floor = _Floor(_method(name, settings, device), recipe, data.training, device)
    loops = {
        loop: _Loop(_method(name, settings, device), recipe, data.training, device, loader)
        for loop, loader in loaders.items()
    }

    def compete(entry: Epoch) -> None:
        if entry.epoch >= WARM_UP - 1:
            speeds = {"images_per_second": entry.images_per_second}
            speeds["floor"] = floor.images_per_second(entry, settings.steps)
            speeds |= {loop: each.images_per_second(entry) for loop, each in loops.items()}
            rounds[entry.stage].append(speeds)
        if entry.stage == "training" and entry.epoch == settings.rounds + WARM_UP - 1:
            raise _EnoughError

    with suppress(_EnoughError):
        train(_method(name, settings, device), data, recipe, seed=0, device=device, on_epoch=compete)
    return [_row(name, stage, measured[1:]) for stage, measured in rounds.items()]


EPOCH, TESTS = 50_000, 10_000
"""The images of an epoch, and of its test, of trainings that are timed together: those of CIFAR-10."""

WARM_UP = 3
"""The epochs that do not count: on a GPU, steps are captured in the first ones."""


class _EnoughError(Exception):
    """All rounds are done; the rest of the training is not measured."""


class _Opponent(ABC):
    """A separate instance of the method, with an optimiser for the current stage."""

    def __init__(self, method: Method, recipe: Recipe, images: ImageSet, device: torch.device) -> None:
        method.prepare(images.labels.cpu())
        self.method = method.to(device)
        self.recipe = recipe
        self.device = device
        self.stage = ""
        if device.type == "cuda":  # as the trainer has it
            for network in [method, method.teacher] if method.has_teacher else [method]:
                network.to(memory_format=torch.channels_last)

    def begin(self, stage: str, epoch: int) -> None:
        recipe = next(each.recipe for each in self.method.stages(self.recipe) if each.name == stage)
        if stage != self.stage:
            self.stage = stage
            self.method.requires_grad_(True)
            trained = self.method.trained(stage)
            self.method.requires_grad_(False)
            for parameter in trained:
                parameter.requires_grad_(True)
            self.optimise(trained, recipe)
        self.method.begin_epoch(stage, epoch, recipe.epochs)
        self.method.train()

    @abstractmethod
    def optimise(self, trained: list[torch.nn.Parameter], recipe: Recipe) -> None:
        """Make the optimiser of a stage."""

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        with autocast(self.recipe.precision, self.device):
            supervision = self.method(batch)
        return torch.stack(list(supervision.losses.values())).sum(), supervision.logits


class _Floor(_Opponent):
    """The same step again and again on one batch; on CUDA as a graph."""

    def __init__(self, method: Method, recipe: Recipe, images: ImageSet, device: torch.device) -> None:
        super().__init__(method, recipe, images, device)
        batches = TrainingBatches(images, recipe.batch_size, CIFAR_AUGMENTATION, 0, device, views=method.views)
        self.batch = next(batches.epoch())
        self.run: Callable[[], None] | None = None

    def optimise(self, trained: list[torch.nn.Parameter], recipe: Recipe) -> None:
        self.optimiser = build_optimiser(trained, recipe, self.device)
        self.run = None

    def step(self) -> None:
        loss, _ = self.loss(self.batch)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    def images_per_second(self, entry: Epoch, steps: int) -> float:
        self.begin(entry.stage, entry.epoch)
        with tensor_float32(self.recipe.precision != "float32"), deterministic_convolutions():
            # a graph is right for the whole of a stage here: only its speed matters, not its epoch's weights
            self.run = self.run or (_captured(self.step) if self.device.type == "cuda" else self.step)
            _wait(self.device)
            start = time.perf_counter()
            for _ in range(steps):
                self.run()
            _wait(self.device)
            return steps * len(self.batch.labels) / (time.perf_counter() - start)


class _Loop(_Opponent):
    """A loop over a loader that reads its numbers at each step, with torch's default optimiser."""

    def __init__(self, method: Method, recipe: Recipe, images: ImageSet, device: torch.device, loader: Any) -> None:
        super().__init__(method, recipe, images, device)
        self.loader = loader
        self.places = torch.arange(len(images), device=device)

    def optimise(self, trained: list[torch.nn.Parameter], recipe: Recipe) -> None:
        self.optimiser = torch.optim.SGD(
            trained, recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay
        )

    def images_per_second(self, entry: Epoch) -> float:
        self.begin(entry.stage, entry.epoch)
        count, start = 0, time.perf_counter()
        for pixels, labels in self.loader:
            pixels, places = pixels.to(self.device), self.places[count : count + len(labels)]
            views = dict.fromkeys(self.method.views, pixels)
            batch = Batch(pixels, labels.to(self.device), places, views=views)
            loss, logits = self.loss(batch)
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            loss.item()
            (logits.argmax(1) == batch.labels).float().mean().item()
            count += len(batch.labels)
        return count / (time.perf_counter() - start)


def full_chip(settings: argparse.Namespace, device: torch.device) -> float:
    """Return the images per second of the baseline's floor at the batch size that fills the chip."""
    data = _random_data(FULL, settings.image_size)
    recipe = replace(_recipe(settings, epochs=1), batch_size=FULL)
    floor = _Floor(_method("baseline", settings, device), recipe, data.training, device)
    entry = Epoch("training", 0, 0.01, 0.0, {}, 0.0, 0.0, None, 0.0)
    return max(floor.images_per_second(entry, 50) for _ in range(3))


def _together_row(count: int, full: float, settings: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    speed = together(count, 16, settings, device)
    seconds = EPOCH / together(count, TESTS, settings, device)
    print(
        f"{count} trainings of baseline in one process: {speed:,.0f} images/s, {speed / full:.2f} of that; "
        f"200 epochs of {EPOCH:,} images with tests on {TESTS:,}: {200 * seconds * count:.0f} s, "
        f"{200 * seconds:.0f} s for each",
        flush=True,
    )
    return {
        "together": count,
        "images_per_second": speed,
        "share_of_full": speed / full,
        "seconds_per_epoch": count * seconds,
    }


def together(count: int, tests: int, settings: argparse.Namespace, device: torch.device) -> float:
    """Return the images per second of several trainings that take turns in this process.

    Args:
        count: The number of trainings.
        tests: The number of test images after each epoch.
        settings: The arguments of the command line.
        device: The device.
    """
    data = _random_data(EPOCH, settings.image_size, tests)
    warm = WARM_UP if tests == TESTS else 1  # the test after an epoch is captured in the third
    ends: list[float] = []
    trainings: list[Iterator[int]] = [
        train_in_turns(
            _method("baseline", settings, device),
            data,
            _recipe(settings, epochs=warm + max(1, 3 // count)),
            seed=seed,
            device=device,
            on_epoch=lambda entry: ends.append(time.perf_counter()),
        )
        for seed in range(count)
    ]
    while trainings:
        waiting = True
        for training in list(trainings):
            step = next(training, None)
            if step is None:
                trainings.remove(training)
            waiting = waiting and not step
        if waiting:
            time.sleep(1e-4)
    # all end at about the same time: from when all are warm to when the last has ended
    first, last = ends[warm * count - 1], ends[-1]
    return (len(ends) - warm * count) * EPOCH / (last - first)


def _row(name: str, stage: str, rounds: list[dict[str, float]]) -> dict[str, Any]:
    medians = {key: statistics.median(speeds[key] for speeds in rounds) for key in rounds[0]}
    return {
        "method": name,
        "stage": stage,
        **medians,
        "share_of_floor": statistics.median(each["images_per_second"] / each["floor"] for each in rounds),
        "times_plain": statistics.median(each["images_per_second"] / each["plain"] for each in rounds),
        "rounds": len(rounds),
    }


def _recipe(settings: argparse.Namespace, epochs: int) -> Recipe:
    return Recipe(
        epochs=epochs,
        batch_size=settings.batch_size,
        learning_rate=0.01,
        milestones=(),
        precision=settings.precision,
        graph=settings.graph,
    )


def _method(name: str, settings: argparse.Namespace, device: torch.device) -> Method:
    student, teacher = (
        create_model(architecture, num_classes=CLASSES, seed=seed).to(device)
        for seed, architecture in enumerate((settings.network, settings.teacher))
    )
    method = METHODS[name](student, teacher if METHODS[name].needs_teacher else None).to(device)
    if settings.compile:
        method.compile()
    return method


def _random_data(count: int, size: int, tests: int = 16) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    whole = ImageSet(images, labels, tuple(map(str, range(CLASSES))))
    return Dataset("random", whole, whole.subset(torch.arange(min(count, tests))), CIFAR_AUGMENTATION)


def _captured(step: Callable[[], None]) -> Callable[[], None]:
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--network", default="cifar_wrn_10_2")
    parser.add_argument("--teacher", default="cifar_wrn_16_2")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--methods", nargs="+", default=METHODS.names(), choices=METHODS.names(), metavar="METHOD")
    parser.add_argument("--precision", choices=("float32", "tf32", "bfloat16"), default="float32")
    parser.add_argument("--graph", choices=("auto", "off"), default="auto", help="of the trainer")
    parser.add_argument("--compile", action="store_true", help="compile the methods for all variants")
    parser.add_argument("--steps", type=int, default=8, help="in a round, for each variant")
    parser.add_argument("--rounds", type=int, default=5, help="that count")
    parser.add_argument("--threads", type=int, help="of torch; its own choice without")
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1), help="of the loops' loaders")
    parser.add_argument("--loops", nargs="*", default=[], choices=[loop for loop in LOOPS if loop != "plain"])
    parser.add_argument("--together", type=int, nargs="*", default=[1, 4, 8], help="trainings in one process, on a GPU")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
