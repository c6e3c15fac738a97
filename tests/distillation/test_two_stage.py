from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Epoch, Recipe, train
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]

two_stages = pytest.mark.parametrize("name", ["fitnet", "fsp"])


@two_stages
def test_the_published_training_starts_with_100_epochs_at_a_small_learning_rate(name: str, networks: Networks) -> None:
    method = METHODS[name](*networks("cifar_resnet8", "cifar_resnet8"))
    recipe = Recipe(batch_size=64, weight_decay=1e-4)

    first, second = method.stages(recipe)

    assert (first.name, second.name) == ("initialisation", "training")
    assert first.recipe == Recipe(
        epochs=100, learning_rate=0.001, milestones=(60, 80), factor=0.1, batch_size=64, weight_decay=1e-4
    )
    assert second.recipe is recipe


@two_stages
@pytest.mark.parametrize(
    ("epochs", "asked", "expected", "milestones"),
    [(60, None, 30, (18, 24)), (1, None, 1, (1, 1)), (3, None, 1, (1, 1)), (200, 10, 10, (6, 8)), (4, 8, 8, (5, 6))],
)
def test_other_lengths_keep_the_proportions(
    name: str, epochs: int, asked: int | None, expected: int, milestones: tuple[int, int], networks: Networks
) -> None:
    method = METHODS[name](*networks("cifar_resnet8", "cifar_resnet8"), init_epochs=asked)

    first, _ = method.stages(Recipe(epochs=epochs))

    assert (first.recipe.epochs, first.recipe.milestones) == (expected, milestones)


@two_stages
def test_the_second_stage_is_hintons(name: str, networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    method, hinton = (
        METHODS[each](student, teacher, kd_weight=0.7, temperature=3.0).eval() for each in (name, "hinton")
    )

    method.begin_epoch("training", 0, 1)

    found, expected = method(batch), hinton(batch)
    assert torch.equal(found.logits, expected.logits)
    assert found.losses == expected.losses


def standardised(logits: np.ndarray) -> np.ndarray:
    return (logits - logits.mean(1, keepdims=True)) / logits.std(1, ddof=1, keepdims=True)


def log_softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = logits / temperature
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


@two_stages
def test_the_second_stage_may_standardise_logits_and_the_first_has_none(
    name: str, networks: Networks, batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    options = {"kd_weight": 0.7, "temperature": 2.0}
    plain, method = (
        METHODS[name](student, teacher, **options, standardise_logits=standardise).eval()
        for standardise in (False, True)
    )

    method.begin_epoch("training", 0, 1)
    losses = method(batch).losses

    logits = [model(batch.pixels).detach().double().numpy() for model in (student, teacher)]
    learned, taught = (log_softened(standardised(each), 2.0) for each in logits)
    assert losses["kd"].item() == pytest.approx(0.7 * 4 * (np.exp(taught) * (taught - learned)).sum(1).mean(), rel=1e-4)
    errors = -log_softened(logits[0], 1.0)[np.arange(len(batch.labels)), batch.labels]
    assert losses["cross_entropy"].item() == pytest.approx(0.3 * errors.mean(), rel=1e-5)
    for each in (plain, method):
        each.begin_epoch("initialisation", 0, 1)
    assert method(batch).losses == plain(batch).losses


@two_stages
def test_the_second_stage_trains_the_student_and_nothing_else(name: str, networks: Networks) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS[name](student, teacher, variant="original")

    assert list(map(id, method.trained("training"))) == list(map(id, student.parameters()))


@two_stages
def test_the_first_stage_does_not_ask_for_the_labels(name: str, networks: Networks, batch: Batch) -> None:
    method = METHODS[name](*networks("cifar_resnet8", "cifar_resnet8")).eval()
    method.begin_epoch("initialisation", 0, 1)

    relabelled = Batch(batch.pixels, (batch.labels + 1) % 10)

    assert method(batch).losses == method(relabelled).losses


@pytest.mark.parametrize(
    ("name", "moving"), [("fitnet", {"stage1", "stage2"}), ("fsp", {"stage1", "stage2", "stage3"})]
)
def test_the_first_stage_leaves_the_statistics_of_layers_alone_that_it_does_not_train(
    name: str, moving: set[str], digits: Dataset
) -> None:
    student, teacher = (create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in (0, 1))
    seen = [{key: buffer.clone() for key, buffer in student.module.named_buffers()}]

    def look(epoch: Epoch) -> None:
        seen.append({key: buffer.clone() for key, buffer in student.module.named_buffers()})

    recipe = Recipe(epochs=1, batch_size=35, learning_rate=0.01)
    train(METHODS[name](student, teacher), digits, recipe, seed=0, on_epoch=look)

    def moved(earlier: dict[str, Tensor], later: dict[str, Tensor]) -> set[str]:
        return {key.split(".")[0] for key in earlier if not torch.equal(earlier[key], later[key])}

    started, initialised, trained = seen
    assert moved(started, initialised) == moving
    assert moved(initialised, trained) == {"stage1", "stage2", "stage3", "norm"}


def learn(model: nn.Module, rate: float = 0.05) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= rate * parameter.grad
                parameter.grad = None


@two_stages
def test_the_first_stage_brings_the_student_nearer_to_the_teacher(name: str, networks: Networks, batch: Batch) -> None:
    method = METHODS[name](*networks("cifar_resnet8", "cifar_resnet8"))
    method.begin_epoch("initialisation", 0, 1)

    seen = []
    for _ in range(8):
        (loss,) = method(batch).losses.values()
        loss.backward()
        learn(method)
        seen.append(loss.item())

    assert seen[-1] < 0.9 * seen[0]
