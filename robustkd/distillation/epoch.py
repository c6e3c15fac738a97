"""One epoch of a training: its steps, then the test of the network; nothing waits for the device before the end."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from robustkd.data import ImageSet
from robustkd.distillation.accuracy import count_correct
from robustkd.distillation.device_queue import Clock, OnTheWay, Pace
from robustkd.distillation.failures import refuse_infinite_losses
from robustkd.distillation.fidelity import Fidelity
from robustkd.distillation.graphs import Graphs
from robustkd.distillation.history import Epoch
from robustkd.distillation.method import Method, Stage
from robustkd.distillation.recipe import Recipe
from robustkd.distillation.step import Step
from robustkd.distillation.turns import Turns
from robustkd.models import PixelModel


@dataclass(frozen=True)
class Tests:
    """The images that a network is tested on after an epoch, on the device.

    Attributes:
        test: The test images.
        validation: The images held out of training; None if there are none.
        fidelity: Compares the network with its teacher; None where nobody asked.
    """

    test: ImageSet
    validation: ImageSet | None
    fidelity: Fidelity | None = None


def train_epoch(method: Method, step: Step, stage: Stage, epoch: int, tests: Tests, graphs: Graphs) -> Turns[Epoch]:
    """Train for one epoch, one step a turn.

    Args:
        method: The method, which is trained in place.
        step: The step of the stage.
        stage: The stage.
        epoch: The number of the epoch within the stage, counted from 0.
        tests: The images that the exported network is tested on afterwards.
        graphs: Captures and replays the test.

    Returns:
        A generator whose result is the record of the epoch.

    Raises:
        TrainingError: A loss is not finite.
    """
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
    near = None
    if tests.fidelity is not None and _is_due(epoch, stage.recipe):
        near = OnTheWay(tests.fidelity.of(exported))
    for arriving in (numbers, correct, *([near] if near is not None else [])):
        for _ in arriving.arrive():
            yield 0
    losses = numbers.tensors[0].double().numpy()
    refuse_infinite_losses(losses, names, method, stage.name, epoch)
    means = np.array(sizes) / sum(sizes) @ losses[:, :-2]
    shares = [int(count) / len(images) for count, images in zip(correct.tensors, shown, strict=True)]
    return Epoch(
        stage=stage.name,
        epoch=epoch,
        learning_rate=stage.recipe.learning_rate_at(epoch),
        loss=float(means.sum()),
        losses=dict(zip(names, means.tolist(), strict=True)),
        train_accuracy=float(losses[:, -2].sum() / losses[:, -1].sum()),
        test_accuracy=shares[0],
        validation_accuracy=shares[1] if tests.validation is not None else None,
        images_per_second=sum(sizes) / clock.seconds,
        test_agreement=float(near.tensors[0][0]) if near is not None else None,
        test_kl=float(near.tensors[0][1]) if near is not None else None,
    )


def _is_due(epoch: int, recipe: Recipe) -> bool:
    # a stage with a recipe of its own may not ask for it
    return recipe.evaluate_every > 0 and ((epoch + 1) % recipe.evaluate_every == 0 or epoch + 1 == recipe.epochs)


def _correct(method: Method, exported: PixelModel, images: ImageSet, graphs: Graphs) -> Tensor:
    device = images.labels.device

    def count() -> Tensor:
        return count_correct(exported, images, device)

    # a network that is put together anew for each epoch cannot be replayed
    if exported is not method.export() or not isinstance(images.images, Tensor):
        return count()
    return graphs.call((exported, images), count)
