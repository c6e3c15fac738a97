import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from cleanlab.filter import find_label_issues
from hypothesis import given
from hypothesis import strategies as st

# shapes without values: whatever would wait for a number from the device fails on it
from torch._subclasses.fake_tensor import FakeTensorMode

from robustkd.data import Batch, Dataset, load_dataset
from robustkd.data.conditions.label_noise import LabelNoise
from robustkd.distillation import METHODS, Epoch, Method, Recipe, train
from robustkd.distillation.applicability import inapplicable
from robustkd.distillation.methods.cleanlab import label_issues, second_half
from robustkd.errors import BadInputError, DataError, StoppedError, TrainingError
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]
RECIPE = Recipe(epochs=2, batch_size=35, learning_rate=0.05, milestones=(1,))
NOISY = Recipe(epochs=6, batch_size=64, learning_rate=0.05, milestones=(4,))
LABELS = torch.arange(20) % 10
CROSS_VALIDATION = "cross-validation"


def built(**options: object) -> Method:
    student = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    return METHODS["cleanlab"](student, **options)


def prepared(networks: Networks, **options: object) -> Method:
    """For 20 images, in evaluation mode, so that logits do not depend on the other images of a batch."""
    method = METHODS["cleanlab"](networks("cifar_resnet8", "cifar_resnet8")[0], **options)
    method.prepare(LABELS)
    return method.eval()


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def logits_of(network: torch.nn.Module, batch: Batch) -> np.ndarray:
    return network(batch.pixels).detach().double().numpy()


def noisy_predictions(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """300 labels of three classes, 30 % wrong, and predictions that are mostly right."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 3, 300)
    given = np.where(random.random(300) < 0.3, (true + 1) % 3, true)
    logits = random.normal(0, 1, (300, 3))
    logits[np.arange(300), true] += 3
    return torch.from_numpy(given), torch.from_numpy(np.exp(log_softmax(logits))).float()


@given(counts=st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any))
def test_a_half_of_each_class_is_drawn(counts: list[int]) -> None:
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))

    chosen = second_half(labels)

    assert labels[chosen].bincount(minlength=len(counts)).tolist() == [count // 2 for count in counts]
    assert torch.equal(chosen, second_half(labels))


def test_each_network_learns_its_half_alone(networks: Networks, batch: Batch) -> None:
    method = prepared(networks)
    method.begin_epoch(CROSS_VALIDATION, 0, 4)

    supervision = method(batch)

    halves = [~second_half(LABELS)[:8].numpy(), second_half(LABELS)[:8].numpy()]
    labels, logits = (
        batch.labels.numpy(),
        [logits_of(each, batch) for each in (method.first_network, method.second_network)],
    )
    assert all(half.any() for half in halves)
    for name, half, each in zip(("first_half", "second_half"), halves, logits, strict=True):
        errors = -log_softmax(each)[np.arange(8), labels]
        assert supervision.losses[name].item() == pytest.approx(errors[half].mean(), rel=1e-5)
        np.testing.assert_allclose(supervision.logits.detach()[half], each[half], rtol=1e-4, atol=1e-6)
    assert not method.probabilities.any()


@pytest.mark.parametrize("mode", [True, False])
def test_in_the_last_epoch_each_network_predicts_the_other_half(mode: bool, networks: Networks, batch: Batch) -> None:
    method = prepared(networks).train(mode)
    method.begin_epoch(CROSS_VALIDATION, 3, 4)
    batch = replace(batch, indices=torch.tensor([3, 0, 19, 7, 11, 12, 1, 5]))

    method(batch)

    assert all(module.training == mode for module in method.modules())
    first, second = (logits_of(each.eval(), batch) for each in (method.first_network, method.second_network))
    in_second = second_half(LABELS)[batch.indices].numpy()
    expected = np.exp(log_softmax(np.where(in_second[:, None], first, second)))
    np.testing.assert_allclose(method.probabilities[batch.indices], expected, rtol=1e-4, atol=1e-6)
    assert int((method.probabilities.sum(1) > 0).sum()) == 8


def test_a_step_that_predicts_never_waits_for_the_device(networks: Networks, batch: Batch) -> None:
    method = prepared(networks).train()
    method.begin_epoch(CROSS_VALIDATION, 3, 4)

    with FakeTensorMode(allow_non_fake_inputs=True) as shapes:
        given = [shapes.from_tensor(each) for each in (batch.pixels, batch.labels, batch.indices)]
        torch.stack(list(method(Batch(*given)).losses.values())).sum().backward()


@pytest.mark.parametrize("action", ["filter", "relabel"])
def test_the_student_learns_what_is_left_of_the_labels(action: str, networks: Networks, batch: Batch) -> None:
    method = prepared(networks, action=action)
    labels, probabilities = noisy_predictions()
    method.labels, method.targets = labels, labels.clone()
    method.probabilities = torch.nn.functional.pad(probabilities, (0, 7))
    flagged = find_label_issues(labels.numpy(), probabilities.double().numpy(), n_jobs=1)
    places = torch.from_numpy(np.concatenate([np.flatnonzero(flagged)[:3], np.flatnonzero(~flagged)[:5]]))
    seen = replace(batch, labels=labels[places], indices=places)

    method.begin_epoch("training", 0, 4)
    supervision = method(seen)

    logits = logits_of(method.student, batch)
    rows = np.arange(8) if action == "relabel" else np.arange(3, 8)
    learned = labels[places].numpy().copy()
    learned[:3] = probabilities[places[:3]].numpy().argmax(1)
    expected = -log_softmax(logits)[rows, learned[rows]].mean()
    assert supervision.losses.keys() == {"cross_entropy"}
    assert supervision.losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    assert (learned[:3] != labels[places[:3]].numpy()).all()


@pytest.mark.parametrize(
    "filter_by",
    [
        "prune_by_noise_rate",
        "prune_by_class",
        "both",
        "confident_learning",
        "predicted_neq_given",
        "low_normalized_margin",
        "low_self_confidence",
    ],
)
def test_issues_are_those_of_cleanlab(filter_by: str) -> None:
    labels, probabilities = noisy_predictions()

    found = label_issues(labels, probabilities, filter_by)

    expected = find_label_issues(labels.numpy(), probabilities.double().numpy(), filter_by=filter_by)
    assert found.tolist() == expected.tolist()
    assert found.any()


def test_a_class_without_labels_changes_nothing() -> None:
    labels, probabilities = noisy_predictions()
    wider = torch.cat([probabilities[:, :1], torch.zeros(300, 1), probabilities[:, 1:]], dim=1)

    found = label_issues(torch.where(labels > 0, labels + 1, 0), wider)

    assert torch.equal(found, label_issues(labels, probabilities))


def test_a_single_class_has_no_issues() -> None:
    assert not label_issues(torch.ones(4, dtype=torch.int64), torch.tensor([[0.9, 0.1]] * 4)).any()


@pytest.fixture(scope="module")
def noisy() -> tuple[Dataset, torch.Tensor]:
    """Digits with 40 % symmetric label noise, of which a tenth draws the true label, and the true labels."""
    whole = load_dataset("digits")
    conditioned = replace(whole, condition=LabelNoise(rate=0.4, kind="symmetric")).trained_on()
    return replace(whole, train=conditioned.images), conditioned.true_labels


def test_few_wrong_labels_are_kept(noisy: tuple[Dataset, torch.Tensor]) -> None:
    """Measured: 35.8 % of the labels are wrong, and 8.8 % of those that are kept, 63 % of all."""
    data, true = noisy
    given = data.training.labels
    method = built()

    train(method, data, NOISY, seed=0)

    expected = find_label_issues(given.numpy(), method.probabilities.double().numpy(), n_jobs=1)
    assert torch.equal(method.targets, torch.where(torch.from_numpy(expected), -100, given))
    kept = method.targets >= 0
    before, after = (given != true).double().mean(), (method.targets[kept] != true[kept]).double().mean()
    assert before > 0.33
    assert after < before / 2
    assert kept.double().mean() > 0.5


def test_both_stages_have_the_recipe_and_the_first_its_share_of_the_epochs() -> None:
    recipe = Recipe(warmup_epochs=10)

    whole, half = (built(cross_validation=share).stages(recipe) for share in (1.0, 0.5))
    short = built(cross_validation=0.1).stages(Recipe(epochs=4, milestones=(2,), warmup_epochs=3))

    assert [stage.name for stage in whole] == [CROSS_VALIDATION, "training"]
    assert [stage.recipe for stage in whole] == [recipe, recipe]
    assert half[0].recipe == replace(recipe, epochs=100, milestones=(30, 60, 75), warmup_epochs=5)
    assert half[1].recipe is recipe
    assert (short[0].recipe.epochs, short[0].recipe.warmup_epochs) == (1, 0)


def test_a_stage_changes_its_own_networks_alone(digits: Dataset) -> None:
    method = built()
    networks = (method.first_network, method.second_network, method.student)
    digests = [[network.digest() for network in networks]]
    assert len(set(digests[0])) == 3

    train(
        method,
        digits,
        Recipe(epochs=1, batch_size=35),
        seed=0,
        on_epoch=lambda epoch: digests.append([network.digest() for network in networks]),
    )

    changed = [[old != new for old, new in zip(*pair, strict=True)] for pair in pairwise(digests)]
    assert changed == [[True, True, False], [False, False, True]]
    assert method.export() is method.student


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_an_interrupted_training_continues_bit_for_bit(epochs: int, digits: Dataset, tmp_path: Path) -> None:
    whole, first, second = (built(action="relabel") for _ in range(3))
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
    assert (whole.probabilities.sum(1) > 0).all()
    for name, tensor in whole.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor)


def test_a_class_with_one_image_is_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"two images of each class to cross-validate, and class 2 has one$") as caught:
        built().prepare(torch.tensor([0, 0, 2, 5, 5]))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ready", [True, False])
def test_a_batch_that_is_not_known_is_refused_in_one_line(ready: bool, networks: Networks, batch: Batch) -> None:
    method = METHODS["cleanlab"](networks("cifar_resnet8", "cifar_resnet8")[0])
    if ready:
        method.prepare(LABELS)

    with pytest.raises(ValueError, match=r"which training images it sees: call prepare first") as caught:
        method(replace(batch, indices=None) if ready else batch)

    assert "\n" not in str(caught.value)


def test_predictions_that_are_not_finite_are_refused_in_one_line(networks: Networks) -> None:
    method = prepared(networks)
    method.probabilities.fill_(0.1)[3] = float("nan")

    with pytest.raises(TrainingError, match="1 of 20 predictions of the cross-validation are not finite") as caught:
        method.begin_epoch("training", 0, 4)

    assert "\n" not in str(caught.value)


def test_repeated_images_are_refused(digits: Dataset) -> None:
    with pytest.raises(BadInputError, match=r"resampling: cleanlab needs each image once"):
        train(built(), digits, replace(RECIPE, resampling="over"), seed=0)

    train(built(), digits, replace(RECIPE, epochs=1, milestones=(), resampling="under"), seed=0)


def test_it_applies_to_the_two_images_that_a_study_tries_it_on() -> None:
    assert inapplicable({"cleanlab": {}}, "cifar_resnet8", None, shape=(3, 32, 32), num_classes=10) == {}


def test_cleanlab_is_imported_when_labels_are_judged() -> None:
    assert not importlib.import_module("cleanlab").__file__.endswith("methods/cleanlab.py")
    code = "import sys; from robustkd.distillation import METHODS; METHODS.names(); sys.exit('cleanlab' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
