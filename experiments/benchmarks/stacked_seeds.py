"""Compare training several seeds of a network as one stacked network with training them one after another.

    python experiments/benchmarks/stacked_seeds.py --device cuda --network cifar_wrn_16_2 --seeds 8

Both variants train the `baseline` method on the same networks and batches; each seed has its own batches:

* one after another: the trainer's step, for one seed after the other;
* stacked: the parameters and statistics of all seeds in one tensor each (`torch.func.stack_module_state`), forward and
  loss mapped over the seeds (`vmap` of `functional_call`), one backward pass and one optimiser step for all. Batch
  normalisation is in training mode, with running statistics for each seed.

First both take the same few steps from the same weights, without TF32, and each seed's losses and final running
statistics are compared. Then both are timed alternately, after a warm-up round; the ratio is the median of the ratios
within a round. Images are random, because the speed does not depend on their content.
"""

import argparse
import copy
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from robustkd.data import Batch
from robustkd.devices import resolve_device
from robustkd.distillation import METHODS, Method, Recipe
from robustkd.models import create_model

CLASSES = 10
TOLERANCE = 1e-4
"""The largest allowed difference of a loss between a seed trained alone and the same seed in the stack."""
COMPARED_STEPS = 3
"""The number of compared steps; after about ten steps, rounding errors alone make two training runs diverge."""

Way = Callable[[list[Method], Tensor, Tensor], tuple[Tensor, float]]


def main() -> None:
    """Compare, measure, print, and write the JSON file if one is wanted."""
    settings = _arguments()
    device = resolve_device(settings.device)
    if settings.threads:
        torch.set_num_threads(settings.threads)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    print(
        f"baseline of {settings.network}, {settings.image_size}×{settings.image_size}, batch {settings.batch_size}, "
        f"{settings.seeds} seeds, {'compiled, ' if settings.compile else ''}{name}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}"
    )
    alone, stacked = OneAfterAnother(settings.compile), Stacked(settings.compile)
    losses, running = compare(alone, stacked, settings, device)
    print(f"largest difference of a loss {losses:.1e}, of a running statistic {running:.1e} (relative to the largest)")
    rounds = compete(alone, stacked, settings, device)
    ratio = statistics.median(together / single for single, together in rounds)
    single, together = (statistics.median(speeds) for speeds in zip(*rounds, strict=True))
    print(f"one after another {single:.0f} images/s, stacked {together:.0f} images/s, ratio {ratio:.2f}")
    if settings.json:
        row = {"one_after_another": single, "stacked": together, "ratio": ratio, "rounds": rounds}
        row |= {"loss_difference": losses, "statistic_difference": running}
        about = {**vars(settings), "json": None, "threads": torch.get_num_threads(), "torch": torch.__version__}
        content = {"settings": {**about, "device_name": name}, "result": row}
        settings.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if losses > TOLERANCE:
        sys.exit(f"the losses differ by more than {TOLERANCE:g}: the stack trains other networks")


class OneAfterAnother:
    """The trainer's step, for one seed after the other.

    Args:
        compiled: Compile the method.
    """

    def __init__(self, compiled: bool) -> None:
        self.compiled = compiled
        self.method: Method | None = None

    def __call__(self, methods: list[Method], pixels: Tensor, labels: Tensor) -> tuple[Tensor, float]:
        """Train all seeds; see `Stacked`."""
        if self.method is None:
            self.method = copy.deepcopy(methods[0])
            if self.compiled:
                self.method.compile()
        losses, seconds = [], 0.0
        for seed, method in enumerate(methods):
            # one method, compiled once, takes the weights of each seed in turn
            self.method.load_state_dict(method.state_dict())
            batches = [
                Batch(images.contiguous(memory_format=torch.channels_last), told)
                for images, told in zip(pixels[:, seed], labels[:, seed], strict=True)
            ]
            start = _now(pixels.device)
            losses.append(self._train(batches))
            seconds += _now(pixels.device) - start
            method.load_state_dict(self.method.state_dict())
        return torch.stack(losses, dim=1), seconds

    def _train(self, batches: list[Batch]) -> Tensor:
        assert self.method is not None
        optimiser = _optimiser(self.method.parameters())
        losses = []
        for batch in batches:
            loss = torch.stack(list(self.method(batch).losses.values())).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        return torch.stack(losses)


class Stacked:
    """All seeds as one network whose tensors have an axis for the seed.

    Args:
        compiled: Whether to compile the forward pass and the loss.
    """

    def __init__(self, compiled: bool) -> None:
        self.compiled = compiled
        self.losses: Callable[..., Tensor] | None = None

    def __call__(self, methods: list[Method], pixels: Tensor, labels: Tensor) -> tuple[Tensor, float]:
        """Train all seeds.

        Args:
            methods: One for each seed, trained in place.
            pixels: float32 (steps, seeds, B, 3, H, W) in [0, 1].
            labels: int64 (steps, seeds, B).

        Returns:
            Losses, float32 (steps, seeds), and seconds.
        """
        if self.losses is None:
            mapped = vmap(_loss_of(copy.deepcopy(methods[0])))
            self.losses = torch.compile(mapped) if self.compiled else mapped
        parameters, buffers = stack_module_state(methods)
        optimiser = _optimiser(parameters.values())
        told = []
        start = _now(pixels.device)
        for images, classes in zip(pixels, labels, strict=True):
            losses = self.losses(parameters, buffers, images, classes)
            optimiser.zero_grad()
            losses.sum().backward()
            optimiser.step()
            told.append(losses.detach())
        seconds = _now(pixels.device) - start
        for seed, method in enumerate(methods):
            held = {name: tensor.detach()[seed] for name, tensor in (parameters | buffers).items()}
            method.load_state_dict({name: held[name] for name in method.state_dict()})
        return torch.stack(told), seconds


def compare(alone: Way, stacked: Way, settings: argparse.Namespace, device: torch.device) -> tuple[float, float]:
    """Return the largest differences of losses and of running statistics after a few steps from the same weights."""
    pixels, labels = _random_batches(COMPARED_STEPS, settings, device)
    singles, stack = ([_method(seed, settings, device) for seed in range(settings.seeds)] for _ in range(2))
    with _without_tf32():
        expected, _ = alone(singles, pixels, labels)
        found, _ = stacked(stack, pixels, labels)
    differences = [
        float((ours - theirs).abs().max() / theirs.abs().max())
        for one, other in zip(stack, singles, strict=True)
        for (name, ours), theirs in zip(one.named_buffers(), other.buffers(), strict=True)
        if "running" in name
    ]
    return float((found - expected).abs().max()), max(differences)


def compete(alone: Way, stacked: Way, settings: argparse.Namespace, device: torch.device) -> list[tuple[float, float]]:
    """Return the images per second of both variants in every round."""
    pixels, labels = _random_batches(settings.steps, settings, device)
    methods = [_method(seed, settings, device) for seed in range(settings.seeds)]
    rounds = []
    for _ in range(settings.rounds + 1):
        rounds.append(tuple(labels.numel() / way(methods, pixels, labels)[1] for way in (alone, stacked)))
    return [(single, together) for single, together in rounds[1:]]


def _loss_of(method: Method) -> Callable[[dict[str, Tensor], dict[str, Tensor], Tensor, Tensor], Tensor]:
    def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor], pixels: Tensor, labels: Tensor) -> Tensor:
        supervision = functional_call(method, (parameters, buffers), (Batch(pixels, labels),))
        return torch.stack(list(supervision.losses.values())).sum()

    return loss


def _optimiser(parameters: Any) -> torch.optim.Optimizer:
    recipe = Recipe()
    return torch.optim.SGD(
        parameters, 0.1 * recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, fused=True
    )


def _method(seed: int, settings: argparse.Namespace, device: torch.device) -> Method:
    student = create_model(settings.network, num_classes=CLASSES, seed=seed)
    method: nn.Module = METHODS["baseline"](student).to(device)
    return method.to(memory_format=torch.channels_last) if device.type == "cuda" else method


def _random_batches(steps: int, settings: argparse.Namespace, device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (steps, settings.seeds, settings.batch_size)
    pixels = torch.rand(*shape, 3, settings.image_size, settings.image_size, generator=generator)
    return pixels.to(device), torch.randint(CLASSES, shape, generator=generator).to(device)


def _now(device: torch.device) -> float:
    """The time, when the device has done all that it was asked for."""
    if device.type != "cpu":
        torch.zeros(1, device=device).item()
    return time.perf_counter()


@contextmanager
def _without_tf32() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--network", default="cifar_wrn_16_2")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10, help="of each seed in a round")
    parser.add_argument("--rounds", type=int, default=3, help="that count; one more warms up")
    parser.add_argument("--compile", action="store_true", help="compile both")
    parser.add_argument("--threads", type=int, help="of torch; its own choice without")
    parser.add_argument("--json", type=Path, help="write the result here too")
    return parser.parse_args()


if __name__ == "__main__":
    main()
