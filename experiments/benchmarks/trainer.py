"""Compare the speed of the trainer with that of a method's arithmetic alone and with that of a plain training loop.

    python experiments/benchmarks/trainer.py --network cifar_wrn_10_2 --image-size 32

For every stage of every method, three variants are timed alternately, one epoch each, on the same network, data and
batch size:

* the trainer: `robustkd.distillation.train`, without the evaluation on the test images after the epoch;
* the floor: the method's forward and backward pass and optimiser step on one batch that stays on the device, no data
  handling and no statistics;
* the plain loop, as in other toolkits: `DataLoader` with PIL transforms, and `.item()` on loss and accuracy at each
  step.

A ratio is the median of the ratios within a round, so that other load on the machine slows all three variants equally.
Images are random, because the speed does not depend on their content.
"""

import argparse
import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms

from robustkd.data import Batch, Dataset, ImageSet, TrainingBatches
from robustkd.data.augmentation import CIFAR_AUGMENTATION
from robustkd.devices import resolve_device
from robustkd.distillation import METHODS, Epoch, Method, Recipe, train
from robustkd.errors import RobustKDError
from robustkd.models import create_model

CLASSES = 10


def main() -> None:
    """Measure, print, and write the JSON file if one is wanted."""
    settings = _arguments()
    device = resolve_device(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    print(
        f"{settings.network} from {settings.teacher}, {settings.image_size}×{settings.image_size}, batch "
        f"{settings.batch_size}, {settings.precision} on {device}, {torch.get_num_threads()} threads, "
        f"{settings.workers} loader processes, torch {torch.__version__}\n"
    )
    print(f"{'method':14}{'stage':16}{'images/s':>10}{'floor':>10}{'plain':>10}{'time / floor':>14}{'× plain':>9}")
    rows = []
    for name in settings.methods:
        try:
            measured = measure(name, settings, device)
        except RobustKDError as error:
            print(f"{name:14}does not apply: {error}")
            continue
        for row in measured:
            rows.append(row)
            print(
                f"{row['method']:14}{row['stage']:16}{row['images_per_second']:10.0f}{row['floor']:10.0f}"
                f"{row['plain']:10.0f}{row['time_over_floor']:14.3f}{row['times_plain']:9.2f}",
                flush=True,
            )
    if settings.json:
        about = {**vars(settings), "json": None, "threads": torch.get_num_threads(), "torch": torch.__version__}
        about["device_name"] = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
        settings.json.write_text(json.dumps({"settings": about, "rows": rows}, indent=2) + "\n", encoding="utf-8")


def measure(name: str, settings: argparse.Namespace, device: torch.device) -> list[dict[str, Any]]:
    """Time the three variants alternately for one method.

    Args:
        name: The name of the method.
        settings: The arguments of the command line.
        device: The device to run on.

    Returns:
        One row per stage: images per second of each variant, and the trainer's ratios to the others.
    """
    data = _random_data(settings.steps * settings.batch_size, settings.image_size)
    # a first stage may be half as long as the training, and the first round of each is for warming up
    recipe = Recipe(
        epochs=2 * (settings.rounds + 1),
        batch_size=settings.batch_size,
        learning_rate=0.01,
        milestones=(),
        precision=settings.precision,
    )
    rounds: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    floor, plain = (_Opponent(_method(name, settings, device), recipe, device) for _ in range(2))
    if device.type == "cuda":  # as the trainer has it
        floor.method.to(memory_format=torch.channels_last)
        if floor.method.has_teacher:
            floor.method.teacher.to(memory_format=torch.channels_last)
    loader = _loader(data.training, settings, device)
    resident = next(TrainingBatches(data.training, settings.batch_size, data.augmentation, 0, device).epoch())

    def compete(entry: Epoch) -> None:
        floor_speed = floor.images_per_second(entry, (resident for _ in range(settings.steps)), fused=True)
        shown = (Batch(images.to(device), labels.to(device)) for images, labels in loader)
        plain_speed = plain.images_per_second(entry, shown, fused=False)
        rounds[entry.stage].append((entry.images_per_second, floor_speed, plain_speed))
        if entry.stage == "training" and entry.epoch == settings.rounds:
            raise _EnoughError

    with suppress(_EnoughError):
        train(_method(name, settings, device), data, recipe, seed=0, device=device, on_epoch=compete)
    return [_row(name, stage, measured[1:]) for stage, measured in rounds.items()]


class _EnoughError(Exception):
    """All rounds are done; the rest of the training is not measured."""


class _Opponent:
    """A separate instance of the method, with an optimiser for the current stage."""

    def __init__(self, method: Method, recipe: Recipe, device: torch.device) -> None:
        self.method = method
        self.stages = {stage.name: stage for stage in method.stages(recipe)}
        self.device = device
        self.optimiser: torch.optim.Optimizer | None = None
        self.stage = ""

    def images_per_second(self, entry: Epoch, batches: Iterator[Batch], fused: bool) -> float:
        """Time one epoch: the floor if `fused`, else a plain loop that reads its numbers at each step."""
        self._begin(entry, fused)
        precision = self.stages[entry.stage].recipe.precision
        count = 0
        start = time.perf_counter()
        for batch in batches:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                supervision = self.method(batch)
            loss = sum(supervision.losses.values(), torch.zeros((), device=self.device))
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            count += len(batch.labels)
            if not fused:
                loss.item()
                (supervision.logits.argmax(1) == batch.labels).float().mean().item()
        if self.device.type != "cpu":
            torch.zeros(1, device=self.device).item()
        return count / (time.perf_counter() - start)

    def _begin(self, entry: Epoch, fused: bool) -> None:
        recipe = self.stages[entry.stage].recipe
        if entry.stage != self.stage:
            self.stage = entry.stage
            self.method.requires_grad_(True)
            trained = self.method.trained(entry.stage)
            self.method.requires_grad_(False)
            for parameter in trained:
                parameter.requires_grad_(True)
            # as toolkits have it: the default implementation, which is not fused
            self.optimiser = torch.optim.SGD(
                trained, recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, fused=fused or None
            )
        self.method.begin_epoch(entry.stage, entry.epoch, recipe.epochs)
        self.method.train()


def _row(name: str, stage: str, rounds: list[tuple[float, float, float]]) -> dict[str, Any]:
    trainer, floor, plain = (statistics.median(speeds) for speeds in zip(*rounds, strict=True))
    return {
        "method": name,
        "stage": stage,
        "images_per_second": trainer,
        "floor": floor,
        "plain": plain,
        "time_over_floor": statistics.median(best / speed for speed, best, _ in rounds),
        "times_plain": statistics.median(speed / worst for speed, _, worst in rounds),
        "rounds": len(rounds),
    }


def _method(name: str, settings: argparse.Namespace, device: torch.device) -> Method:
    student, teacher = (
        create_model(architecture, num_classes=CLASSES, seed=seed).to(device)
        for seed, architecture in enumerate((settings.network, settings.teacher))
    )
    method = METHODS[name](student, teacher if METHODS[name].needs_teacher else None).to(device)
    if settings.compile:
        method.compile()
    return method


def _random_data(count: int, size: int) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    whole = ImageSet(images, labels, tuple(map(str, range(CLASSES))))
    return Dataset("random", whole, whole.subset(torch.arange(min(count, 16))), CIFAR_AUGMENTATION)


class _PilImages(torch.utils.data.Dataset[Any]):
    """Images as torchvision's data sets give them: one by one, through PIL."""

    def __init__(self, images: ImageSet) -> None:
        self.arrays = np.ascontiguousarray(images.read(torch.arange(len(images))).permute(0, 2, 3, 1).numpy())
        self.labels = images.labels.tolist()
        padding = CIFAR_AUGMENTATION.crop_padding
        crop = transforms.RandomCrop(images.shape[-1], padding=padding, padding_mode="reflect")
        self.transform = transforms.Compose([crop, transforms.RandomHorizontalFlip(), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


def _loader(images: ImageSet, settings: argparse.Namespace, device: torch.device) -> DataLoader[Any]:
    return DataLoader(
        _PilImages(images),
        settings.batch_size,
        shuffle=True,
        num_workers=settings.workers,
        persistent_workers=settings.workers > 0,
        pin_memory=device.type == "cuda",
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--network", default="cifar_wrn_10_2")
    parser.add_argument("--teacher", default="cifar_wrn_16_2")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--methods", nargs="+", default=METHODS.names(), choices=METHODS.names(), metavar="METHOD")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--compile", action="store_true", help="compile the methods for all three")
    parser.add_argument("--steps", type=int, default=8, help="in a round, for each of the three")
    parser.add_argument("--rounds", type=int, default=5, help="that count; one more warms up")
    parser.add_argument("--threads", type=int, help="of torch; its own choice without")
    parser.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1), help="of the plain loop's loader")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
