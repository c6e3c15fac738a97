from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torchattacks import PGD

from robustkd.data import Dataset, ImageSet
from robustkd.errors import EvaluationError
from robustkd.evaluations import Records
from robustkd.evaluations.evaluation import EVALUATIONS
from robustkd.evaluations.predictions import PredictionCache
from robustkd.evaluations.transferability import (
    Transferability,
    TransferabilityOptions,
    attack,
    success_matrix,
    transfer_success,
)
from robustkd.models import Member, ModelPool, PixelModel

from .conftest import network

OPTIONS = TransferabilityOptions(epsilon=0.2, step_size=0.05, steps=3, batch_size=16)


def double_loop(pool: ModelPool, images: ImageSet, options: TransferabilityOptions) -> dict[tuple[str, str], float]:
    """The matrix the plain way: for each ordered pair attack the source with torchattacks, then ask the target."""
    assert isinstance(images.images, Tensor)
    pixels, labels = images.images / 255, images.labels
    rates = {}
    for source in pool:
        for target in pool:
            if target.role == "teacher":
                continue
            torch.manual_seed(options.seed)
            adversarial = PGD(source.model, options.epsilon, options.step_size, options.steps)(pixels, labels)
            with torch.no_grad():
                both = (source.model(pixels).argmax(1) == labels) & (target.model(pixels).argmax(1) == labels)
                fooled = both & (target.model(adversarial).argmax(1) != labels)
            rates[source.name, target.name] = float(fooled.sum() / both.sum()) if both.any() else float("nan")
    return rates


def measured(pool: ModelPool, data: Dataset, options: TransferabilityOptions) -> Records:
    return Transferability(options).measure(pool, data, PredictionCache(data))


@settings(max_examples=5)
@given(seed=st.integers(0, 1000), epsilon=st.sampled_from([0.05, 0.2]), batch_size=st.sampled_from([7, 16, 40]))
def test_the_matrix_equals_a_plain_double_loop_with_torchattacks(seed: int, epsilon: float, batch_size: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8, generator=generator)
    data = Dataset("random", None, ImageSet(images, torch.arange(40) % 3, ("a", "b", "c")))
    pool = ModelPool(network(seed), network(seed + 1), {"at": network(seed + 2)})
    options = replace(OPTIONS, epsilon=epsilon, batch_size=batch_size, seed=seed)

    frame = Transferability().summarise(measured(pool, data, options))

    pairs = frame[frame["level"] == "pair"].set_index(["source", "member"])["value"].to_dict()
    assert pairs == pytest.approx(double_loop(pool, data.test, options), nan_ok=True)


def test_one_cell_is_counted_as_the_paper_defines_it() -> None:
    labels = np.array([0, 0, 0, 0, 0])
    source_clean, target_clean = np.array([0, 0, 0, 1, 0]), np.array([0, 0, 1, 0, 0])
    target_adversarial = np.array([1, 0, 1, 1, 2])

    fooled, eligible = transfer_success(source_clean, target_clean, target_adversarial, labels)

    assert (fooled, eligible) == (2, 3)  # both right on images 0, 1, 4; fooled on 0 and 4


def test_the_teacher_is_a_source_only(pool: ModelPool, data: Dataset) -> None:
    frame = Transferability(OPTIONS).summarise(measured(pool, data, OPTIONS))

    pairs = frame[frame["level"] == "pair"]
    assert set(pairs["source"]) == {"teacher", "baseline", "at", "sp"}
    assert set(pairs["member"]) == {"baseline", "at", "sp"}


def records_of(adversarial: list[list[list[int]]], clean: list[list[int]], labels: list[int]) -> Records:
    """Of teacher, baseline and student at, in that order; the targets are the last two."""
    members = pd.DataFrame(
        {
            "member": ["teacher", "baseline", "at"],
            "role": ["teacher", "baseline", "student"],
            "method": ["teacher", "baseline", "at"],
            "architecture": "net",
            "seed": pd.array([None, None, None], dtype="Int64"),
            "condition": "clean",
            "digest": "",
        }
    )
    arrays = {
        "image": np.arange(len(labels)),
        "label": np.array(labels),
        "clean": np.array(clean),
        "adversarial": np.array(adversarial),
        "target": np.array([1, 2]),
    }
    return Records(members, arrays)


HAND = records_of(
    adversarial=[[[0, 0, 0, 0], [1, 1, 0, 0]], [[1, 1, 1, 0], [0, 0, 0, 1]], [[0, 0, 0, 1], [1, 0, 0, 0]]],
    clean=[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    labels=[0, 0, 0, 0],
)


def test_means_include_the_diagonal() -> None:
    frame = Transferability().summarise(HAND)

    values = frame.set_index(["metric", "member"])["value"]
    assert values["mean_on_target", "baseline"] == pytest.approx((0 + 3 / 4 + 1 / 4) / 3)
    assert values["mean_on_target", "at"] == pytest.approx((2 / 4 + 1 / 4 + 1 / 4) / 3)
    assert values["mean_from_source", "teacher"] == pytest.approx((0 + 2 / 4) / 2)
    assert values["mean_from_source", "at"] == pytest.approx((1 / 4 + 1 / 4) / 2)


def test_transfer_from_the_teacher_is_held_against_the_baseline() -> None:
    frame = Transferability().summarise(HAND)

    excess = frame[frame["metric"] == "teacher_transfer_excess"]
    assert list(excess["member"]) == ["at"]
    assert excess["value"].iloc[0] == 0.5
    assert excess["ci_low"].iloc[0] <= 0.5 <= excess["ci_high"].iloc[0]


def test_a_transferred_attack_that_beats_the_own_one_is_told() -> None:
    sentences = Transferability().headline(Transferability().summarise(HAND))

    assert sentences[0].startswith("Attacks on the teacher fool at on 50.0% of the images both get right, +50.0 points")
    assert sentences[1].startswith("Masked gradients: a transferred attack beats the own attack of at")


def test_a_pair_without_a_jointly_correct_image_has_no_value_and_breaks_nothing() -> None:
    nothing = records_of(adversarial=[[[0, 0], [0, 0]]] * 3, clean=[[0, 0], [1, 1], [0, 0]], labels=[0, 0])

    frame = Transferability().summarise(nothing)

    cell = frame[(frame["level"] == "pair") & (frame["member"] == "baseline")]
    assert cell["value"].isna().all()
    assert (cell["n"] == 0).all()
    assert np.isnan(success_matrix(nothing.arrays)[:, 0]).all()
    assert Transferability().headline(frame)


def test_each_source_is_attacked_once(pool: ModelPool, data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    forward = PGD.forward
    monkeypatch.setattr(PGD, "forward", lambda self, x, y: (calls.append(len(x)), forward(self, x, y))[1])

    measured(pool, data, replace(OPTIONS, batch_size=40))

    assert calls == [40] * 4


def test_the_examples_do_not_depend_on_the_batch_size(pool: ModelPool, data: Dataset) -> None:
    records = [measured(pool, data, replace(OPTIONS, batch_size=size)) for size in (7, 40)]

    np.testing.assert_array_equal(records[0].arrays["adversarial"], records[1].arrays["adversarial"])


def test_the_examples_do_not_depend_on_the_other_members(pool: ModelPool, data: Dataset) -> None:
    alone = ModelPool(members=[member for member in pool if member.name in ("baseline", "sp")])

    with_all, with_few = (measured(members, data, OPTIONS).arrays["adversarial"] for members in (pool, alone))

    np.testing.assert_array_equal(with_all[np.ix_([1, 3], [0, 2])], with_few)


def test_the_global_random_state_is_left_alone(pool: ModelPool, data: Dataset) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)

    torch.manual_seed(5)
    measured(pool, data, OPTIONS)

    assert torch.equal(torch.rand(3), expected)


def test_only_the_first_seed_of_a_method_enters_unless_all_are_asked_for(data: Dataset) -> None:
    pool = ModelPool(network(0), [network(1), network(2)], {"at": [network(3), network(4)]})

    first = measured(pool, data, OPTIONS)
    every = measured(pool, data, replace(OPTIONS, networks="all"))

    assert list(first.members["member"]) == ["teacher", "baseline-0", "at-0"]
    assert list(every.members["member"]) == ["teacher", "baseline-0", "baseline-1", "at-0", "at-1"]


def test_a_sample_of_images_is_the_same_for_all_and_named_in_the_records(pool: ModelPool, data: Dataset) -> None:
    records = measured(pool, data, replace(OPTIONS, images=12))

    indices = records.arrays["image"]
    assert len(set(indices)) == 12
    np.testing.assert_array_equal(records.arrays["label"], data.test.labels[indices].numpy())


def test_the_checks_of_a_sound_attack_pass(pool: ModelPool, data: Dataset) -> None:
    checks = measured(pool, data, OPTIONS).checks

    names = {check.name for check in checks}
    assert names >= {"perturbation within ε", "pixels in [0, 1], networks in evaluation mode"}
    assert all(check.passed for check in checks if check.name != "own attack is the strongest")


class Wrapped(nn.Module):
    """A wrapper as everyone recommends: the inner network is in evaluation mode, the wrapper itself is not."""

    num_classes = 3

    def __init__(self) -> None:
        super().__init__()
        self.inner = network(7).module.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


def test_a_wrapped_network_stays_in_evaluation_mode_and_keeps_its_statistics(data: Dataset) -> None:
    wrapped = Wrapped()
    statistics = {name: tensor.clone() for name, tensor in wrapped.state_dict().items()}
    assert wrapped.training  # the trap of torchattacks: it would put the inner network in training mode

    records = measured(ModelPool(network(0), students={"wrapped": PixelModel(wrapped)}), data, OPTIONS)

    assert not any(module.training for module in wrapped.modules())
    assert all(torch.equal(tensor, statistics[name]) for name, tensor in wrapped.state_dict().items())
    assert all(check.passed for check in records.checks if check.name.startswith("pixels"))


def test_normalisation_inside_the_model_leaves_the_perturbation_in_pixels(data: Dataset) -> None:
    model = PixelModel(network(0).module, mean=[0.5], std=[0.1])
    member = Member(model.eval().requires_grad_(False), "student", "at")

    batches = list(attack(model, data.test, OPTIONS, lambda count: None, [member]))

    assert max(largest for _, largest, _ in batches) <= OPTIONS.epsilon + 1e-6
    assert all(sound for *_, sound in batches)


def test_a_network_that_is_put_in_training_mode_fails_the_check(data: Dataset) -> None:
    model = network(0).eval()
    member = Member(model, "student", "at")
    batches = attack(model, data.test, OPTIONS, lambda count: None, [member])
    next(batches)
    model.module.norm.train()

    assert next(batches)[2] is False


def test_it_works_where_gradients_are_switched_off(pool: ModelPool, data: Dataset) -> None:
    with torch.no_grad():
        records = measured(pool, data, OPTIONS)

    assert records.arrays["adversarial"].shape == (4, 3, 40)


def test_no_parameter_collects_a_gradient(pool: ModelPool, data: Dataset) -> None:
    measured(pool, data, OPTIONS)

    assert all(parameter.grad is None for member in pool for parameter in member.model.parameters())


def test_a_teacher_alone_is_refused(data: Dataset) -> None:
    with pytest.raises(EvaluationError, match="student or baseline"):
        measured(ModelPool(network(0)), data, OPTIONS)


def test_the_defaults_are_those_of_the_paper() -> None:
    options = EVALUATIONS["transferability"].Options()

    assert (options.epsilon, options.step_size, options.steps, options.random_start) == (0.031, 0.003, 20, True)
