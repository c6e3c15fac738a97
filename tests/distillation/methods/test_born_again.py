from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Epoch, Method, Recipe, train
from robustkd.errors import ModelError, StoppedError
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]
RECIPE = Recipe(epochs=2, batch_size=35, learning_rate=0.05, milestones=(1,))


def built(**options: object) -> Method:
    student = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    return METHODS["born_again"](student, **options)


def log_softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = logits / temperature
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


@pytest.mark.parametrize(
    ("options", "kd_weight", "temperature"),
    [({}, 0.5, 1), ({"generations": 2, "kd_weight": 0.8, "temperature": 3.0}, 0.8, 3)],
)
def test_each_generation_learns_from_the_labels_and_from_the_one_before(
    options: dict[str, float], kd_weight: float, temperature: float, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["born_again"](student, **options).eval()
    generations = [*method.earlier, student]
    logits = [network(batch.pixels).detach().double().numpy() for network in generations]

    for number, stage in enumerate(method.stages(Recipe())):
        method.begin_epoch(stage.name, 0, 1)
        supervision = method(batch)

        errors = -log_softened(logits[number], 1)[np.arange(8), batch.labels].mean()
        np.testing.assert_allclose(supervision.logits.detach(), logits[number], rtol=1e-4, atol=1e-6)
        assert method.export() is generations[number]
        if number == 0:
            assert supervision.losses.keys() == {"cross_entropy"}
            assert supervision.losses["cross_entropy"].item() == pytest.approx(errors, rel=1e-5)
            continue
        log_p, log_q = (log_softened(each, temperature) for each in (logits[number - 1], logits[number]))
        divergence = temperature**2 * (np.exp(log_p) * (log_p - log_q)).sum(1).mean()
        assert supervision.losses["cross_entropy"].item() == pytest.approx((1 - kd_weight) * errors, rel=1e-5)
        assert supervision.losses["kd"].item() == pytest.approx(kd_weight * divergence, rel=1e-3, abs=1e-7)


def test_logits_of_both_generations_may_be_standardised(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["born_again"](student, kd_weight=1.0, temperature=2.0, standardise_logits=True).eval()
    method.begin_epoch("training", 0, 1)

    losses = method(batch).losses

    logits = [network(batch.pixels).detach().double().numpy() for network in (*method.earlier, student)]
    standard = [(each - each.mean(1, keepdims=True)) / each.std(1, ddof=1, keepdims=True) for each in logits]
    log_p, log_q = (log_softened(each, 2.0) for each in standard)
    assert losses["kd"].item() == pytest.approx(4 * (np.exp(log_p) * (log_p - log_q)).sum(1).mean(), rel=1e-4)


def test_every_generation_has_the_whole_recipe_and_the_last_stage_the_usual_name() -> None:
    stages = built(generations=3).stages(RECIPE)

    assert [stage.name for stage in stages] == ["generation 0", "generation 1", "generation 2", "training"]
    assert all(stage.recipe is RECIPE for stage in stages)


def test_the_student_is_the_last_generation_and_all_begin_with_weights_of_their_own() -> None:
    student = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    before = student.digest()

    method = METHODS["born_again"](student, generations=2)

    assert method.export() is student
    assert student.digest() == before
    assert len({before, *(network.digest() for network in method.earlier)}) == 3


def test_a_stage_changes_its_own_generation_alone(digits: Dataset) -> None:
    method = built(generations=2)
    digests = []

    def look(epoch: Epoch) -> None:
        digests.append([network.digest() for network in (*method.earlier, method.student)])

    look_before = [network.digest() for network in (*method.earlier, method.student)]
    train(method, digits, Recipe(epochs=1, batch_size=35), seed=0, on_epoch=look)

    for stage, (before, after) in enumerate(zip([look_before, *digests], digests, strict=False)):
        # statistics of batch normalisation included
        assert [old != new for old, new in zip(before, after, strict=True)] == [each == stage for each in range(3)]


def test_the_first_generation_is_a_baseline(digits: Dataset) -> None:
    method, baseline = built(), METHODS["baseline"](built().earlier[0])

    history = train(method, digits, RECIPE, seed=0)
    expected = train(baseline, digits, RECIPE, seed=0)

    assert method.earlier[0].digest() == baseline.student.digest()
    assert [entry.test_accuracy for entry in history[:2]] == [entry.test_accuracy for entry in expected]


@pytest.mark.parametrize("epochs", [1, 2, 3, 5])
def test_an_interrupted_training_continues_in_any_generation(epochs: int, digits: Dataset, tmp_path: Path) -> None:
    whole, first, second = (built(generations=2, temperature=2.0) for _ in range(3))
    expected = train(whole, digits, RECIPE, seed=0)
    done: list[Epoch] = []

    with pytest.raises(StoppedError):
        train(
            first,
            digits,
            RECIPE,
            seed=0,
            checkpoint=tmp_path / "state",
            on_epoch=done.append,
            should_stop=lambda: len(done) == epochs - 1,
        )
    history = train(second, digits, RECIPE, seed=0, checkpoint=tmp_path / "state")

    assert [entry.losses for entry in history] == [entry.losses for entry in expected]
    for name, tensor in whole.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor)
    assert second.export() is second.student


def test_an_architecture_that_cannot_be_built_again_is_refused() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))

    with pytest.raises(ModelError, match="unknown architecture 'mine'"):
        METHODS["born_again"](PixelModel(network, architecture="mine"))
