"""What a training by each method takes, relative to `baseline`: the number that `robustkd list methods` prints.

    python experiments/benchmarks/method_costs.py --threads 1

For every stage of every method a step is timed on one resident batch (forward and backward pass, optimiser step),
alternately with a step of `baseline`; the ratio is the median over rounds. The cost of a method adds up its stages by
their epochs, and is relative to a training of `baseline` by the same recipe. Data handling is left out, which all
methods share. Images are random.
"""

import argparse
import statistics
import time

import torch

from robustkd.data import Batch
from robustkd.distillation import METHODS, Method, Recipe
from robustkd.distillation.optimiser import build_optimiser
from robustkd.models import create_model

IMAGES, CLASSES = 50_000, 10


def main() -> None:
    """Measure and print one line for each method."""
    settings = _arguments()
    torch.set_num_threads(settings.threads)
    recipe = Recipe()
    own = _Steps(_method("baseline", settings), "training", recipe, settings)
    print(f"{settings.network} from {settings.teacher}, batch {settings.batch_size}, torch {torch.__version__}")
    for name in settings.methods or METHODS.names():
        method = _method(name, settings)
        cost, trainable = 0.0, [each for each in method.parameters() if each.requires_grad]
        for stage in method.stages(recipe):
            for parameter in trainable:  # which the stage before has frozen
                parameter.requires_grad_(True)
            other = _Steps(method, stage.name, stage.recipe, settings)
            ratios = [other.seconds() / own.seconds() for _ in range(settings.rounds)]
            cost += statistics.median(ratios) * stage.recipe.epochs / recipe.epochs
        print(f"{name:12}{cost:6.1f}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--network", default="cifar_wrn_16_2")
    parser.add_argument("--teacher", default="cifar_wrn_40_2")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _method(name: str, settings: argparse.Namespace) -> Method:
    student = create_model(settings.network, num_classes=CLASSES, seed=0)
    kind = METHODS[name]
    method = kind(student, create_model(settings.teacher, num_classes=CLASSES, seed=1) if kind.needs_teacher else None)
    method.prepare(torch.arange(IMAGES) % CLASSES)
    return method


class _Steps:
    """Steps of one stage of a method on a resident batch."""

    def __init__(self, method: Method, stage: str, recipe: Recipe, settings: argparse.Namespace) -> None:
        random = torch.Generator().manual_seed(0)
        indices = torch.randint(0, IMAGES, (settings.batch_size,), generator=random)
        pixels = torch.rand((settings.batch_size, 3, 32, 32), generator=random)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        views = dict.fromkeys(method.views, pixels)
        self._batch = Batch(pixels, indices % CLASSES, indices, views=views)
        self._method = method
        # the middle of the stage, where what grows over the epochs has half of its weight
        method.train().begin_epoch(stage, recipe.epochs // 2, recipe.epochs)
        trained = method.trained(stage)
        for parameter in method.parameters():
            parameter.requires_grad_(any(parameter is each for each in trained))
        self._optimiser = build_optimiser(trained, recipe, torch.device("cpu"))
        self.seconds()

    def seconds(self) -> float:
        """The time of one step."""
        start = time.perf_counter()
        self._optimiser.zero_grad()
        torch.stack(list(self._method(self._batch).losses.values())).sum().backward()
        self._optimiser.step()
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
