import json
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.transferability import Transferability
from robustkd.evaluations.transferability.matrix import success_matrix
from robustkd.evaluations.transferability.notes import notes_on
from robustkd.evaluations.transferability.options import TransferabilityOptions, main_attack, own_attacks
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Check, Records
from robustkd.results.tidy import tidy
from robustkd.studies.measuring import measure

from ...conftest import members, network

OPTIONS = TransferabilityOptions(
    epsilon=0.2, step_size=0.05, steps=3, batch_size=16, white_box=(), teacher_is_target=False
)


def pgd(source: PixelModel, pixels: Tensor, labels: Tensor, options: TransferabilityOptions) -> Tensor:
    """PGD as Madry et al. write it, from starts drawn for each image by itself."""
    draws = [np.random.Generator(np.random.Philox(key=[options.seed, image])) for image in range(len(pixels))]
    unit = np.stack([draw.random(tuple(pixels.shape[1:]), dtype=np.float32) for draw in draws])
    x = (pixels + options.epsilon * (2 * torch.from_numpy(unit) - 1)).clamp(0, 1)
    for _ in range(options.steps):
        x = x.detach().requires_grad_(True)
        torch.nn.functional.cross_entropy(source(x), labels).backward()
        x = x.detach() + options.step_size * x.grad.sign()
        x = torch.minimum(torch.maximum(x, pixels - options.epsilon), pixels + options.epsilon).clamp(0, 1)
    return x.detach()


def double_loop(pool: ModelPool, images: ImageSet, options: TransferabilityOptions) -> dict[tuple[str, str], float]:
    """The matrix the plain way: for each ordered pair attack the source, then ask the target."""
    assert isinstance(images.images, Tensor)
    pixels, labels = images.images / 255, images.labels
    rates = {}
    for source in pool:
        for target in pool:
            if target.role == "teacher":
                continue
            adversarial = pgd(source.model, pixels, labels, options)
            with torch.no_grad():
                both = (source.model(pixels).argmax(1) == labels) & (target.model(pixels).argmax(1) == labels)
                fooled = both & (target.model(adversarial).argmax(1) != labels)
            rates[source.name, target.name] = float(fooled.sum() / both.sum()) if both.any() else float("nan")
    return rates


def measured(pool: ModelPool, data: Dataset, options: TransferabilityOptions) -> Records:
    return Transferability(options).measure(pool, data, PredictionCache(data))


@settings(max_examples=5)
@given(seed=st.integers(0, 1000), epsilon=st.sampled_from([0.05, 0.2]), batch_size=st.sampled_from([7, 16, 40]))
def test_the_matrix_equals_a_plain_double_loop_with_another_pgd(seed: int, epsilon: float, batch_size: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8, generator=generator)
    data = Dataset("random", None, ImageSet(images, torch.arange(40) % 3, ("a", "b", "c")))
    pool = ModelPool(network(seed), network(seed + 1), {"at": network(seed + 2)})
    options = replace(OPTIONS, epsilon=epsilon, batch_size=batch_size, seed=seed)

    frame = Transferability().summarise(measured(pool, data, options))

    pairs = frame[frame["level"] == "pair"].set_index(["source", "member"])["value"].to_dict()
    assert pairs == pytest.approx(double_loop(pool, data.test, options), nan_ok=True)


def test_the_teacher_is_a_source_only(pool: ModelPool, data: Dataset) -> None:
    frame = Transferability(OPTIONS).summarise(measured(pool, data, OPTIONS))

    pairs = frame[frame["level"] == "pair"]
    assert set(pairs["source"]) == {"teacher", "baseline", "at", "sp"}
    assert set(pairs["member"]) == {"baseline", "at", "sp"}


def records_of(adversarial: list[list[list[int]]], clean: list[list[int]], labels: list[int]) -> Records:
    """Return records of a teacher, a baseline and the student at, in this order; `adversarial` by source and target."""
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
        "rounded": np.array([by_source[index] for index, by_source in enumerate(adversarial)]),
        "own": np.empty((0, 3, len(labels)), dtype=np.int16),
        "sweep": np.empty((0, 3, 3, len(labels)), dtype=np.int16),
        "epsilon": np.array(0.031),
        "epsilons": np.array([]),
        "zero_gradient": np.zeros((3, len(labels)), dtype=bool),
        "attacks": np.array(["PGD-20"]),
        "class_names": np.array(["no", "yes"]),
        "teacher_is_target": np.array(False),
        "further": np.empty((0, 3, 3, len(labels)), dtype=np.int16),
        "further_attacks": np.array([], dtype=np.str_),
    }
    return Records(members, arrays)


HAND = records_of(
    adversarial=[
        [[1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]],
        [[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]],
        [[1, 1, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]],
    ],
    clean=[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    labels=[0, 0, 0, 0],
)


def test_means_include_the_diagonal() -> None:
    frame = Transferability().summarise(HAND)

    values = frame[frame["level"] == "network"].set_index(["metric", "member"])["value"]
    assert values["mean_on_target", "baseline"] == pytest.approx((0 + 3 / 4 + 1 / 4) / 3)
    assert values["mean_on_target", "at"] == pytest.approx((2 / 4 + 1 / 4 + 1 / 4) / 3)
    assert values["mean_from_source", "teacher"] == pytest.approx((0 + 2 / 4) / 2)
    assert values["mean_from_source", "at"] == pytest.approx((1 / 4 + 1 / 4) / 2)


def test_means_leave_out_networks_whose_checks_failed() -> None:
    attack = Check("gradients", False, "", "baseline", ("transfer_success",))
    whole = Check("chance", False, "", "baseline")

    of_attack, of_network = (Transferability().summarise(replace(HAND, checks=(check,))) for check in (attack, whole))

    values = of_attack[of_attack["level"] == "network"].set_index(["metric", "member"])["value"]
    assert values["mean_on_target", "at"] == pytest.approx((2 / 4 + 1 / 4) / 2)  # without the source `baseline`
    assert values["mean_from_source", "teacher"] == pytest.approx((0 + 2 / 4) / 2)  # with the target
    values = of_network[of_network["level"] == "network"].set_index(["metric", "member"])["value"]
    assert values["mean_from_source", "teacher"] == pytest.approx(2 / 4)


def values_of(frame: pd.DataFrame, metric: str, level: str = "network", key: str = "member") -> dict[str, float]:
    rows = frame[(frame["metric"] == metric) & (frame["level"] == level)]
    return dict(zip(rows[key], rows["value"], strict=True))


def test_means_without_the_diagonal_are_also_listed() -> None:
    frame = Transferability().summarise(HAND)

    on_target = values_of(frame, "mean_on_target_others", "detail")
    assert on_target == pytest.approx({"baseline": (0 + 1 / 4) / 2, "at": (2 / 4 + 1 / 4) / 2})
    from_source = values_of(frame, "mean_from_source_others", "detail")
    assert from_source == pytest.approx({"teacher": (0 + 2 / 4) / 2, "baseline": 1 / 4, "at": 1 / 4})


def test_means_over_sources_and_targets_have_intervals_over_the_images() -> None:
    """Two networks, each fooled on its own images with probability 0.4, the same images for every attacker."""
    fallen = (np.random.default_rng(0).random((3, 1000)) < 0.4).astype(int)
    clean = np.zeros((3, 1000), dtype=int)
    records = records_of(np.stack([fallen] * 3).tolist(), clean.tolist(), [0] * 1000)

    frame = Transferability().summarise(records)

    rows = frame[frame["level"] == "network"].set_index(["metric", "member"])
    widths = (rows["ci_high"] - rows["ci_low"]) / 2
    share = fallen[1].mean()
    assert widths["mean_on_target", "baseline"] == pytest.approx(1.96 * np.sqrt(share * (1 - share) / 1000), rel=0.1)
    of_both = fallen[1:].mean(axis=0).std()
    assert widths["mean_from_source", "baseline"] == pytest.approx(1.96 * of_both / np.sqrt(1000), rel=0.1)


def test_asymmetry_is_transfer_to_the_teacher_less_transfer_from_it() -> None:
    frame = Transferability().summarise(HAND)

    assert values_of(frame, "asymmetry") == pytest.approx({"baseline": 1 / 4 - 0, "at": 3 / 4 - 2 / 4})


def test_the_teacher_is_a_target_in_the_records_and_the_details_only() -> None:
    frame = Transferability().summarise(HAND)

    to_teacher = frame[(frame["metric"] == "transfer_success") & (frame["member"] == "teacher")]
    assert set(to_teacher["level"]) == {"detail"}
    assert dict(zip(to_teacher["source"], to_teacher["value"], strict=True)) == {
        "teacher": 1,
        "baseline": 1 / 4,
        "at": 3 / 4,
    }


def test_white_box_accuracy_is_that_on_the_diagonal() -> None:
    frame = Transferability().summarise(HAND)

    assert values_of(frame, "white_box_accuracy") == {"teacher": 0, "baseline": 1 / 4, "at": 3 / 4}


def test_per_class_transfer_counts_the_images_of_the_class() -> None:
    records = replace(
        HAND, arrays=HAND.arrays | {"label": np.array([0, 0, 0, 1]), "clean": np.array([[0, 0, 0, 1]] * 3)}
    )

    frame = Transferability().summarise(records)

    rows = frame[frame["part"].str.startswith("class", na=False) & (frame["source"] == "teacher")]
    rows = rows[rows["member"] == "at"].set_index("part")
    assert rows["n"].to_dict() == {"class no": 3, "class yes": 1}
    assert rows["value"].to_dict() == {"class no": pytest.approx(2 / 3), "class yes": 1}  # at says 0 to the one image


def test_the_classes_of_every_pair_add_up_to_the_pair() -> None:
    labels = {"label": np.array([0, 0, 0, 1]), "clean": np.array([[0, 0, 0, 1]] * 3)}
    frame = Transferability().summarise(replace(HAND, arrays=HAND.arrays | labels))

    rows = frame[(frame["metric"] == "transfer_success") & (frame["strength"].isna())]
    by_class = rows[rows["part"].str.startswith("class", na=False)].fillna({"value": 0})
    pairs = rows[rows["level"] == "pair"].set_index(["source", "member"])
    fooled = (by_class["value"] * by_class["n"]).astype(float).groupby([by_class["source"], by_class["member"]]).sum()
    assert len(by_class) == 2 * len(pairs) == 2 * 3 * 2  # three sources, two targets beside the teacher
    pd.testing.assert_series_equal(
        fooled.sort_index(), (pairs["value"] * pairs["n"]).astype(float).sort_index(), check_names=False
    )


def test_a_class_without_images_has_no_value() -> None:
    frame = Transferability().summarise(HAND)

    rows = frame[frame["part"] == "class yes"]
    assert len(rows)
    assert rows["value"].isna().all()
    assert (rows["n"] == 0).all()


def test_the_worst_case_names_what_ran_and_is_no_better_than_the_first_attack() -> None:
    own = np.array([[[-1, -1, -1, -1], [-1, -1, -1, 1], [-1, 0, 0, 1]]])  # withstood: none, none, images 1 and 2
    records = replace(HAND, arrays=HAND.arrays | {"own": own, "attacks": np.array(["PGD-20", "APGD-DLR-20"])})

    frame = Transferability().summarise(records)

    assert values_of(frame, "worst_case_accuracy") == {"teacher": 0, "baseline": 0, "at": 2 / 4}
    assert set(frame.loc[frame["metric"] == "worst_case_accuracy", "part"]) == {"PGD-20 + APGD-DLR-20"}
    assert values_of(frame, "worst_case_gain", "method") == {"at": 2 / 4}
    assert "The attack is PGD-20; the worst case is taken over PGD-20 + APGD-DLR-20." in Transferability().headline(
        frame
    )


def test_differences_to_the_baseline_carry_the_p_value_of_mcnemar_on_the_same_eligible_images() -> None:
    frame = Transferability().summarise(HAND)

    row = frame[(frame["metric"] == "teacher_transfer_excess") & (frame["level"] == "network")].iloc[0]
    assert row["p_value"] == 0.5  # two images differ, both the same way: 2 · (1/2)²


def from_teacher_frame(excess: dict[str, tuple[float, float, float, float]], seeds: int) -> pd.DataFrame:
    """Rows of students: the excess of a method's mean over seeds, interval and p-value; its first seed is far above."""
    rows = []
    for method, (value, low, high, p_value) in excess.items():
        who = {"role": "student", "method": method, "architecture": "net", "condition": "clean"}
        told = {"metric": "teacher_transfer_excess", "interval": "95% t over test images"}
        numbers = {"value": value, "ci_low": low, "ci_high": high, "p_value": p_value}
        rows.append({**who, **told, **numbers, "level": "method", "member": method})
        for seed in range(seeds):
            member = method if seeds == 1 else f"{method}-{seed}"
            mine = {**who, "member": member, "level": "network"}
            rows.append({**mine, **told, "value": 0.2, "ci_low": 0.1, "ci_high": 0.3, "p_value": 0.9})
            pair = {"level": "pair", "metric": "transfer_success", "source": "teacher", "value": 0.4 + 0.2 * seed}
            rows.append({**mine, **pair})
    rows.append(
        {"level": "network", "member": "baseline", "role": "baseline", "metric": "zero_gradients", "value": 0.0}
    )
    return tidy(rows)


def test_for_several_seeds_the_headline_gives_the_mean_and_its_interval() -> None:
    frame = from_teacher_frame({"at": (0.017, -0.125, 0.159, 0.8)}, seeds=3)

    assert Transferability().headline(frame)[0] == (
        "Attacks on the teacher fool at on 60.0% of the images that both classify correctly, +1.7 points "
        "[−12.5, +15.9] against the independent baseline: no significant difference."
    )


def test_one_rule_decides_on_transfer_from_the_teacher_and_the_headline_names_it() -> None:
    """The p-values of single networks speak against the first; they have no part in it."""
    excess = {
        "at": (0.1, 0.06, 0.14, 1e-5),
        "sp": (0.03, 0.001, 0.06, 0.04),
        "bss": (0.0, -0.03, 0.03, 1.0),
        "rkd": (-0.01, -0.04, 0.02, 0.5),
    }

    first, second = Transferability().headline(from_teacher_frame(excess, seeds=3))[:2]

    assert "shares more of the teacher's weaknesses: at (+10.0); no significant difference: sp (+3.0)" in first
    assert second == (
        "A difference is significant if its p-value (95% t over test images) is below 5% after Holm's correction for "
        "4 students."
    )


def test_transfer_from_the_teacher_is_compared_with_the_baselines() -> None:
    frame = Transferability().summarise(HAND)

    excess = frame[(frame["metric"] == "teacher_transfer_excess") & (frame["level"] == "network")]
    assert list(excess["member"]) == ["at"]
    assert excess["value"].iloc[0] == 0.5
    assert excess["ci_low"].iloc[0] <= 0.5 <= excess["ci_high"].iloc[0]


def test_a_transferred_attack_that_beats_the_white_box_attack_is_reported() -> None:
    repeated = {key: np.tile(HAND.arrays[key], 25) for key in ("label", "clean", "adversarial", "rounded")}
    many = {"own": np.empty((0, 3, 100)), "sweep": np.empty((0, 3, 3, 100)), "zero_gradient": np.zeros((3, 100))}
    records = replace(HAND, arrays=HAND.arrays | repeated | many)

    sentences = Transferability().headline(Transferability().summarise(records))

    assert sentences[0].startswith(
        "Attacks on the teacher fool the at network on 50.0% of the images that both classify correctly, +50.0 points"
    )
    assert sentences[1] == (
        "Masked gradients: a transferred attack is stronger, by more than two points, than the attack on the network "
        "itself for at, so white-box accuracy overstates robustness there."
    )


def test_a_transferred_attack_that_beats_the_white_box_attack_on_a_few_images_may_do_so_by_chance() -> None:
    sentences = Transferability().headline(Transferability().summarise(HAND))

    (told,) = (sentence for sentence in sentences if sentence.startswith("Masked"))
    assert "(not significantly)" in told
    assert told.endswith("which may be chance.")


def test_a_pair_without_a_jointly_correct_image_has_no_value_and_breaks_nothing() -> None:
    nothing = records_of(adversarial=[[[0, 0], [0, 0], [0, 0]]] * 3, clean=[[0, 0], [1, 1], [0, 0]], labels=[0, 0])

    frame = Transferability().summarise(nothing)

    cell = frame[(frame["level"] == "pair") & (frame["member"] == "baseline")]
    assert cell["value"].isna().all()
    assert (cell["n"] == 0).all()
    assert np.isnan(success_matrix(nothing.arrays)[:, 1]).all()
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

    np.testing.assert_array_equal(with_all[np.ix_([1, 3], [1, 3])], with_few)


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

    passed = {check.name for check in checks if check.passed}
    assert passed >= {
        "perturbation within ε",
        "pixels in [0, 1]",
        "networks in evaluation mode",
    }
    strength = (
        "white-box attack as strong as transferred attacks",
        "all white-box attacks together as strong as transferred attacks",
        "first attack nearly as strong as all attacks together",
    )
    assert all(check.passed for check in checks if check.name not in strength)


class Wrapped(nn.Module):
    """A wrapper as often recommended: the inner network is in evaluation mode, the wrapper itself is not."""

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

    checks = measured(ModelPool(baseline=model), data, OPTIONS).checks

    assert all(check.passed for check in checks if check.name in ("perturbation within ε", "pixels in [0, 1]"))


class Waking(nn.Module):
    """Puts itself into training mode when it is called."""

    num_classes = 3

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.train()
        return self.linear(x.flatten(1))


def test_a_network_that_goes_into_training_mode_fails_the_check(data: Dataset) -> None:
    checks = measured(ModelPool(baseline=PixelModel(Waking())), data, OPTIONS).checks

    (mode,) = (check for check in checks if check.name == "networks in evaluation mode")
    assert not mode.passed
    assert mode.metrics == ()  # nothing of this network can be trusted


def test_it_works_where_gradients_are_switched_off(pool: ModelPool, data: Dataset) -> None:
    with torch.no_grad():
        records = measured(pool, data, OPTIONS)

    assert records.arrays["adversarial"].shape == (4, 4, 40)


def test_no_parameter_collects_a_gradient(pool: ModelPool, data: Dataset) -> None:
    measured(pool, data, OPTIONS)

    assert all(parameter.grad is None for member in pool for parameter in member.model.parameters())


def test_a_teacher_alone_is_refused(data: Dataset) -> None:
    with pytest.raises(EvaluationError, match="student or baseline"):
        measured(ModelPool(network(0)), data, OPTIONS)


def test_the_defaults_are_those_of_the_paper() -> None:
    options = EVALUATIONS["transferability"].Options()

    assert (options.epsilon, options.step_size, options.steps, options.random_start) == (0.031, 0.003, 20, True)


def test_without_a_teacher_the_headline_says_so(data: Dataset) -> None:
    frame = Transferability().summarise(measured(ModelPool(None, network(1), {"at": network(2)}), data, OPTIONS))

    assert Transferability().headline(frame)[0].startswith("There is no teacher in the pool")
    assert not (frame["metric"] == "teacher_transfer_excess").any()


def test_without_a_baseline_the_headline_says_so(data: Dataset) -> None:
    frame = Transferability().summarise(measured(ModelPool(network(0), None, {"at": network(2)}), data, OPTIONS))

    assert "no independent baseline" in Transferability().headline(frame)[0]


def test_a_sample_of_images_gets_the_examples_it_has_in_the_whole_set(pool: ModelPool, data: Dataset) -> None:
    whole = measured(pool, data, OPTIONS).arrays["adversarial"]
    sample = measured(pool, data, replace(OPTIONS, images=12)).arrays

    np.testing.assert_array_equal(sample["adversarial"], whole[:, :, sample["image"]])


def test_no_number_in_the_results_is_infinite_or_a_text(pool: ModelPool, data: Dataset) -> None:
    few = Dataset("few", None, data.test.subset(torch.arange(3)))

    frame = Transferability().summarise(measured(pool, few, replace(OPTIONS, white_box=("standardised", "apgd_dlr"))))

    numbers = frame[["value", "ci_low", "ci_high", "std"]].to_numpy(dtype=float)
    assert np.isfinite(numbers[~np.isnan(numbers)]).all()
    assert Transferability().headline(frame)
    assert Transferability().chart(frame).to_dict()


@pytest.mark.parametrize(
    ("attack", "label"),
    [
        ({"name": "PGDL2", "eps": 0.5}, "PGDL2-10"),
        ({"name": "FGSM", "eps": 0.05}, "FGSM"),
        ({"name": "MIFGSM", "eps": 0.05, "steps": 2}, "MIFGSM-2"),
        ({"name": "APGD", "eps": 0.05, "steps": 3, "loss": "dlr"}, "APGD-DLR-3"),
        ({"name": "PGD", "eps": 0.05, "steps": 2, "logits": "standardised"}, "PGD-2 on standardised logits"),
    ],
)
def test_another_attack_by_name_makes_the_matrix(
    attack: dict[str, float | str], label: str, pool: ModelPool, data: Dataset
) -> None:
    options = replace(OPTIONS, attack=attack)

    records = measured(pool, data, options)
    other_batches = measured(pool, data, replace(options, batch_size=40))

    assert records.arrays["attacks"][0] == label
    within = [check for check in records.checks if check.name == "perturbation within ε"]
    assert within
    assert all(check.passed and check.detail.startswith(label) for check in within)
    np.testing.assert_array_equal(records.arrays["adversarial"], other_batches.arrays["adversarial"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attack": {"name": "PGDL3", "eps": 1}}, "no attack 'PGDL3': did you mean PGDL2"),
        ({"attack": {"name": "PGDL2"}}, "PGDL2 needs eps"),
        ({"attack": {"name": "PGD", "eps": 0.1, "step": 3}}, "no parameter 'step': did you mean steps"),
        ({"attack": {"name": "PGD", "eps": 0.1, "logits": "tiny"}}, "plain or standardised"),
        ({"white_box": ({"name": "Autoattack", "eps": 0.1},)}, "did you mean AutoAttack"),
        ({"attack": {"name": "DeepFool"}, "white_box": (), "epsilons": (0.1,)}, "DeepFool has no eps"),
        (
            {"epsilon": 0.01, "white_box": ({"name": "PGD", "eps": 0.3},)},
            r"PGD-10 \(L∞, ε = 0.3\) must have the norm and ε of .* PGD-20 \(L∞, ε = 0.01\), .* in `epsilons`",
        ),
        ({"white_box": ({"name": "PGDL2", "eps": 0.031},)}, r"PGDL2-10 \(L2, ε = 0.031\) must have the norm"),
        ({"attack": {"name": "MultiAttack"}}, "MultiAttack cannot be used: .* list these in `white_box`"),
        ({"white_box": ({"name": "LGV"},)}, "LGV cannot be used: it trains the network further"),
        ({"white_box": ({"name": "CW"},)}, r"CW-50 \(L2, no ε\) must have the norm"),
    ],
)
def test_an_attack_that_cannot_be_run_is_refused_with_the_fix(options: dict[str, object], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        TransferabilityOptions(**options)


def test_further_attacks_that_differ_in_their_step_size_have_unique_labels(pool: ModelPool, data: Dataset) -> None:
    steps = [{"name": "PGD", "eps": 0.2, "alpha": alpha, "steps": 3} for alpha in (0.1, 0.15)]

    records = measured(pool, data, replace(OPTIONS, white_box=(*steps, steps[0])))

    labels = ["PGD-3 (alpha 0.05)", "PGD-3 (alpha 0.1)", "PGD-3 (alpha 0.15)"]
    assert records.arrays["attacks"].tolist() == labels  # one that is given twice runs once
    frame = Transferability().summarise(records)
    assert set(frame.loc[frame["metric"] == "white_box_accuracy", "part"]) == {labels[0]}
    assert set(frame.loc[frame["metric"] == "worst_case_accuracy", "part"]) == {" + ".join(labels)}
    changes = [check.detail for check in records.checks if check.name == "perturbation within ε"]
    assert {detail.split(" changes")[0] for detail in changes} == set(labels)


def test_the_labels_of_the_default_attacks_are_their_plain_names(pool: ModelPool, data: Dataset) -> None:
    records = measured(pool, data, replace(OPTIONS, images=4, white_box=TransferabilityOptions().white_box))

    names = ["PGD-3", "PGD-3 on standardised logits", "APGD-DLR-3", "Square-1000"]
    assert records.arrays["attacks"].tolist() == names


def test_attacks_without_gradients_give_the_same_records_in_every_run_and_batch(pool: ModelPool, data: Dataset) -> None:
    options = replace(OPTIONS, images=4, attack={"name": "Pixle", "restarts": 1, "max_iterations": 2})

    first, again, other_batches = (
        measured(pool, data, replace(options, batch_size=size)).arrays["adversarial"] for size in (4, 4, 3)
    )

    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, other_batches)


def test_a_sweep_gives_accuracy_at_each_epsilon_and_the_matrix_own(pool: ModelPool, data: Dataset) -> None:
    records = measured(pool, data, replace(OPTIONS, epsilons=(0.05, 0.4)))

    frame = Transferability().summarise(records)

    rows = frame[(frame["metric"] == "white_box_accuracy") & frame["strength"].notna() & (frame["member"] == "at")]
    assert list(rows["strength"]) == [0.05, 0.2, 0.4]
    alone = measured(pool, data, replace(OPTIONS, epsilon=0.05, step_size=0.05 * 0.05 / 0.2))
    np.testing.assert_array_equal(records.arrays["sweep"][0], alone.arrays["adversarial"])
    assert "ε" in str(Transferability().chart(frame).to_dict())


def saved(folder: Path, pool: ModelPool, place: int) -> Path:
    member = pool.members[place]
    return folder / f"{member.name}-{member.digest[:12]}"


def test_examples_of_other_weights_do_not_overwrite_those_of_the_same_name(data: Dataset, tmp_path: Path) -> None:
    for seed in (1, 2):
        measured(ModelPool(students={"at": network(seed)}), data, replace(OPTIONS, save_examples=str(tmp_path)))

    assert len(list(tmp_path.glob("at-*.npy"))) == len(list(tmp_path.glob("at-*.json"))) == 2


def test_an_interrupted_measurement_leaves_no_half_written_examples(
    pool: ModelPool, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    forward = PGD.forward

    def interrupted(self: PGD, x: Tensor, y: Tensor) -> Tensor:
        calls.append(len(x))
        if len(calls) == 5:  # three batches each: in the second one's second
            raise KeyboardInterrupt
        return forward(self, x, y)

    monkeypatch.setattr(PGD, "forward", interrupted)

    with pytest.raises(KeyboardInterrupt):
        measured(pool, data, replace(OPTIONS, save_examples=str(tmp_path)))

    assert {path.name for path in tmp_path.iterdir()} == {
        saved(tmp_path, pool, 0).name + suffix for suffix in (".npy", ".json")
    }


def test_examples_are_saved_on_request_and_are_those_that_were_shown(
    pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    records = measured(pool, data, replace(OPTIONS, save_examples=str(tmp_path)))

    examples = np.load(saved(tmp_path, pool, 2).with_suffix(".npy"))
    with torch.no_grad():
        predicted = pool.members[3].model(torch.from_numpy(examples)).argmax(1)
    np.testing.assert_array_equal(predicted, records.arrays["adversarial"][2, 3])
    assert json.loads(saved(tmp_path, pool, 2).with_suffix(".json").read_text())["attack"]["name"] == "PGD"


def test_rounding_to_8_bit_is_measured_on_the_examples_themselves(
    pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    records = measured(pool, data, replace(OPTIONS, save_examples=str(tmp_path)))

    rounded = np.rint(np.load(saved(tmp_path, pool, 3).with_suffix(".npy")) * 255).astype(np.uint8)
    with torch.no_grad():
        predicted = pool.members[3].model(torch.from_numpy(rounded) / 255).argmax(1)
    np.testing.assert_array_equal(predicted, records.arrays["rounded"][3])


def test_networks_come_back_as_they_were(pool: ModelPool, data: Dataset) -> None:
    before = [member.model.digest() for member in pool]

    measured(pool, data, OPTIONS)

    assert [member.model.digest() for member in pool] == before
    assert all(not member.model._forward_pre_hooks for member in pool)


def test_many_seeds_have_a_t_interval_over_images_and_from_three_on_over_seeds(data: Dataset) -> None:
    pool = ModelPool(network(0), [network(i) for i in (1, 2)], {"at": [network(i) for i in (3, 4, 5)]})

    frame = Transferability().summarise(measured(pool, data, replace(OPTIONS, networks="all")))

    rows = frame[(frame["metric"] == "mean_from_source") & (frame["level"] == "method")].set_index("member")
    assert rows.loc["at", "interval"] == "95% t over test images and seeds"
    assert rows.loc["baseline", "interval"] == "95% t over test images"
    assert rows["n_seeds"].to_dict() == {"teacher": 1, "baseline": 2, "at": 3}


def test_every_rate_of_two_seeds_has_an_interval() -> None:
    seeds = [("baseline", "baseline", "net", 0), ("baseline", "baseline", "net", 1)]
    seeds += [("student", "at", "net", 0), ("student", "at", "net", 1)]
    fooled = (np.random.default_rng(0).random((5, 5, 200)) < 0.5).astype(int)
    empty = {"own": np.empty((0, 5, 200), dtype=int), "sweep": np.empty((0, 5, 5, 200), dtype=int)}
    of_five = {"clean": np.zeros((5, 200), dtype=int), "zero_gradient": np.zeros((5, 200), dtype=bool)}
    shown = {"label": np.zeros(200, dtype=int), "adversarial": fooled, "rounded": fooled[range(5), range(5)]}
    records = Records(members(("teacher", "teacher", "net", None), *seeds), HAND.arrays | empty | of_five | shown)

    frame = Transferability().summarise(records)

    rows = frame[(frame["level"] == "method") & (frame["n_seeds"] == 2) & frame["value"].notna()]
    rates = {"mean_on_target", "mean_from_source", "asymmetry", "fooling_rate"}
    assert set(rows["metric"]) >= {*rates, "fooling_rate_excess", "teacher_transfer_excess"}
    assert rows[["ci_low", "ci_high"]].notna().all(axis=None)


def test_transfer_from_a_teacher_whose_gradients_vanish_is_not_meaningful_and_the_headline_says_so(
    data: Dataset,
) -> None:
    teacher, loud = network(0), network(0)
    loud.module.fc.weight.data *= 1e6
    loud.module.fc.bias.data *= 1e6

    for model, sound in ((teacher, True), (loud, False)):
        records = measured(ModelPool(model, network(1), {"at": network(2)}), data, OPTIONS)
        checks = {
            check.member: check for check in records.checks if check.name == "nonzero gradients of the cross-entropy"
        }
        told = " ".join(Transferability().headline(Transferability().summarise(records)))

        assert checks["teacher"].passed is sound
        assert {"transfer_success", "fooling_rate", "asymmetry"} <= {*checks["teacher"].metrics}
        assert ("Transfer from the teacher is not meaningful" in told) is not sound


@pytest.mark.parametrize(("white_box", "voided"), [((), True), (("apgd_dlr",), False)])
def test_the_worst_case_is_void_where_only_an_attack_that_stands_still_ran(
    data: Dataset, white_box: tuple[str, ...], voided: bool
) -> None:
    loud = network(0)
    loud.module.fc.weight.data *= 1e6

    records = measured(ModelPool(None, network(1), {"at": loud}), data, replace(OPTIONS, white_box=white_box))

    (check,) = (
        check
        for check in records.checks
        if (check.name, check.member) == ("nonzero gradients of the cross-entropy", "at")
    )
    assert not check.passed
    assert ("worst_case_accuracy" in check.metrics) is voided


@pytest.mark.parametrize(
    ("classes", "attack", "told"),
    [
        (3, {}, ()),
        (2, {}, ("APGD-DLR was not run: the difference of logits ratio needs at least 3 classes, and there are 2",)),
        (
            3,
            {"name": "DeepFool", "steps": 2},
            (
                "No ε bounds the perturbations of DeepFool-2, DeepFool-2 on standardised logits",
                "APGD-DLR was not run: it needs an ε, and DeepFool-2 has none",
            ),
        ),
    ],
)
def test_an_attack_that_is_left_out_is_noted(classes: int, attack: dict[str, object], told: tuple[str, ...]) -> None:
    options = TransferabilityOptions(attack=attack, white_box=("standardised", "apgd_dlr"))

    attacks = (main_attack(options), *own_attacks(options, classes))
    assert notes_on(attacks, options, classes, "float32", 250) == told


def test_attacks_that_were_crafted_in_a_lower_precision_are_noted() -> None:
    options = TransferabilityOptions(white_box=("square",))

    (told, _) = notes_on((main_attack(options), *own_attacks(options, 10)), options, 10, "bfloat16", 250)

    assert told == "The examples of PGD-20 were crafted in bfloat16; float32 decided whom they fool"


def test_attacks_that_depend_on_the_batch_are_noted(pool: ModelPool, data: Dataset) -> None:
    def told(**attack: object) -> tuple[str, ...]:
        return measured(pool, data, replace(OPTIONS, images=4, attack=attack)).notes

    assert told() == ()
    assert told(name="PGDRS", eps=0.1, steps=1)[0] == "The examples of PGDRS-1 depend on the batch size (16)"


def test_saved_examples_that_are_gone_are_made_again(pool: ModelPool, data: Dataset, tmp_path: Path) -> None:
    evaluation = Transferability(replace(OPTIONS, images=4, save_examples=str(tmp_path / "examples")))
    for _ in range(2):
        measure(evaluation, pool, data, PredictionCache(data), tmp_path / "results")
        held = list((tmp_path / "examples").glob("*.npy"))
        assert len(held) == len(pool)
        held[0].unlink()


def test_a_folder_that_examples_cannot_be_saved_in_is_named(pool: ModelPool, data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(EvaluationError, match=r"save_examples: .*taken cannot be written to .*another folder"):
        measured(pool, data, replace(OPTIONS, images=4, save_examples=str(tmp_path / "taken")))


def test_without_teacher_and_baseline_the_headline_says_both(data: Dataset) -> None:
    pool = ModelPool(students={"at": network(1), "sp": network(2)})

    told = Transferability().headline(Transferability().summarise(measured(pool, data, OPTIONS)))

    assert told[0].startswith("There is no teacher in the pool")
    assert told[1] == "There is no independent baseline either."


def test_transfer_from_the_teacher_through_standardised_logits_does_not_see_their_size(data: Dataset) -> None:
    """Behind it a teacher whose logits are a million times as large gives the same transfer; before it, none."""
    found = []
    for factor in (1.0, 1e6):
        teacher = network(0)
        teacher.module.fc.weight.data *= factor
        teacher.module.fc.bias.data *= factor
        pool = ModelPool(teacher, network(1), {"at": network(2)})
        frame = Transferability().summarise(measured(pool, data, replace(OPTIONS, white_box=("standardised",))))
        rows = frame[(frame["part"] == "PGD-3 on standardised logits") & (frame["metric"] == "transfer_success")]
        assert set(rows["source"]) == {"teacher"}
        assert set(rows["level"]) == {"detail"}
        found.append(rows.set_index("member")["value"].to_dict())

    assert found[0].keys() == {"baseline", "at"}
    assert found[1] == pytest.approx(found[0], abs=0.08)


@pytest.mark.parametrize("students", [1, 4])
def test_without_a_teacher_no_network_is_said_to_be_fooled_most(students: int) -> None:
    values = [0.2, 0.5, 0.4, 0.3, 0.6][: students + 1]
    names = ["baseline", "at", "sp", "hinton", "dml"][: students + 1]
    frame = tidy(
        [
            {"level": "method", "member": name, "role": "baseline" if name == "baseline" else "student", "value": value}
            | {"metric": "mean_on_target", "method": name, "source": ""}
            for name, value in zip(names, values, strict=True)
        ]
    )

    (sentence,) = Transferability().headline(frame)

    assert sentence.startswith("There is no teacher in the pool, so there is no transfer from it. Averaged over all")
    said = "baseline on 20.0% and at on 50.0%" if students == 1 else "the networks on between 20.0% and 60.0%"
    assert said in sentence


def test_only_attacks_that_follow_gradients_are_crafted_in_a_lower_precision(
    pool: ModelPool, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchattacks import Square

    seen: dict[str, set[bool]] = {"PGD": set(), "Square": set()}
    for name, kind in (("PGD", PGD), ("Square", Square)):

        def watched(self: object, *given: Tensor, name: str = name, forward: Any = kind.forward) -> Any:
            seen[name].add(torch.backends.cudnn.allow_tf32)
            return forward(self, *given)

        monkeypatch.setattr(kind, "forward", watched)

    measured(pool, data, replace(OPTIONS, images=4, precision="bfloat16", white_box=("square",), square_queries=2))

    assert seen == {"PGD": {True}, "Square": {False}}


def test_an_interrupted_measurement_continues_with_the_next_source(
    pool: ModelPool, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    forward = PGD.forward

    def interrupted(self: PGD, x: Tensor, y: Tensor) -> Tensor:
        calls.append(len(x))
        if len(calls) == 3:  # after the teacher and the baseline
            raise KeyboardInterrupt
        return forward(self, x, y)

    monkeypatch.setattr(PGD, "forward", interrupted)
    options = TransferabilityOptions(steps=1, epsilon=0.1, white_box=("apgd_dlr",), further_attacks=("mi",))
    evaluation = Transferability(options)
    with pytest.raises(KeyboardInterrupt):
        evaluation.measure(pool, data, PredictionCache(data, folder=tmp_path))

    continued = evaluation.measure(pool, data, PredictionCache(data, folder=tmp_path))

    assert len(calls) == 3 + len(pool.members) - 2  # the students alone
    whole = evaluation.measure(pool, data, PredictionCache(data))
    assert continued.checks == whole.checks
    assert continued.arrays.keys() == whole.arrays.keys()
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(continued.arrays[name], array)
