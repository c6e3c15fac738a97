from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data.augmentation import CIFAR_AUGMENTATION, Augmentation, draw
from robustkd.data.distillation_data import NOTHING_MORE, DistillationData, ExtraImages
from robustkd.data.epoch_draws import CHANGES, NUMBERS, EpochDraws, draw_epoch

EVERYTHING = DistillationData(
    rotation=10, vertical_flip=True, colour_jitter=0.4, policy="rand_augment", mixing="mixup", mixing_alpha=0.3
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(
    data: DistillationData,
    count: int = 50,
    batch_size: int = 8,
    seed: int = 0,
    augmentation: Augmentation = CIFAR_AUGMENTATION,
    views: Sequence[str] = (),
) -> EpochDraws:
    return draw_epoch(count, batch_size, augmentation, data, views, generator(seed))


def mixing(draw_of: str = "per_batch", alpha: float = 1.0) -> DistillationData:
    return DistillationData(mixing="mixup", mixing_draw=draw_of, mixing_alpha=alpha)


def in_batches(values: Tensor, batch_size: int) -> list[list]:
    return [part.tolist() for part in values.split(batch_size)]


@pytest.mark.parametrize("data", [NOTHING_MORE, EVERYTHING], ids=["nothing more", "everything"])
@given(count=st.integers(1, 60), seed=st.integers(0, 99))
def test_order_and_crops_are_those_that_the_seed_has_always_given(
    count: int, seed: int, data: DistillationData
) -> None:
    """The sequence before there was anything else to draw: a permutation, then crops and flips."""
    old = generator(seed)
    order, crops = torch.randperm(count, generator=old), draw(CIFAR_AUGMENTATION, count, old)

    found = drawn(data, count, seed=seed, views=["auto_augment"])

    assert torch.equal(found.order, order)
    assert all(torch.equal(getattr(found.crops, name), getattr(crops, name)) for name in ("top", "left", "flipped"))


@pytest.mark.parametrize("data", [NOTHING_MORE, DistillationData(extra=ExtraImages("noise", 1.0))])
def test_what_is_not_asked_for_draws_no_numbers(data: DistillationData) -> None:
    old, new = generator(), generator()
    for _ in range(2):
        torch.randperm(30, generator=old)
        draw(CIFAR_AUGMENTATION, 30, old)

    for _ in range(2):
        found = draw_epoch(30, 8, CIFAR_AUGMENTATION, data, (), new)

    assert torch.equal(new.get_state(), old.get_state())
    assert (found.policy, found.changes, found.mixing, found.views) == (None, None, None, {})


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (DistillationData(policy="auto_augment"), "policy"),
        (DistillationData(rotation=5), "changes"),
        (DistillationData(vertical_flip=True), "changes"),
        (DistillationData(colour_jitter=0.1), "changes"),
        (DistillationData(mixing="cutmix"), "mixing"),
    ],
)
def test_only_what_is_asked_for_is_drawn(data: DistillationData, asked: str) -> None:
    found = drawn(data)

    assert [name for name in ("policy", "changes", "mixing") if getattr(found, name) is not None] == [asked]


@pytest.mark.parametrize(("name", "columns"), [("policy", NUMBERS), ("changes", CHANGES)])
def test_each_image_has_its_own_numbers_from_0_to_1(name: str, columns: int) -> None:
    values = getattr(drawn(EVERYTHING, count=2_000), name)

    assert values.shape == (2_000, columns)
    assert values.min() >= 0
    assert values.max() < 1
    # the mean of 2000 uniform numbers, to five standard errors
    assert (values.mean(dim=0) - 0.5).abs().max() < 5 / np.sqrt(12 * 2_000)
    assert np.abs(np.corrcoef(values.T.numpy())[np.triu_indices(columns, k=1)]).max() < 5 / np.sqrt(2_000)


@given(count=st.integers(1, 80), batch_size=st.integers(1, 20), seed=st.integers(0, 99))
def test_partners_are_a_permutation_of_their_batch(count: int, batch_size: int, seed: int) -> None:
    found = drawn(mixing(), count, batch_size, seed).mixing

    assert found is not None
    places = in_batches(torch.arange(count), batch_size)
    assert list(map(sorted, in_batches(found.partners, batch_size))) == places


def test_partners_differ_between_batches() -> None:
    found = drawn(mixing(), 40, 20).mixing

    assert found is not None
    first, second = in_batches(found.partners, 20)
    assert [place + 20 for place in first] != second


@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_a_batch_has_one_share_if_it_is_drawn_per_batch(alpha: float) -> None:
    found = drawn(mixing("per_batch", alpha), 50, 8).mixing

    assert found is not None
    parts = in_batches(found.shares, 8)
    assert [len(part) for part in parts] == [8] * 6 + [2]
    assert all(len(set(part)) == 1 for part in parts)
    assert len({part[0] for part in parts}) == 7


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_each_image_has_its_share_if_it_is_drawn_per_image(alpha: float) -> None:
    found = drawn(mixing("per_image", alpha), 50, 8).mixing

    assert found is not None
    assert len(set(found.shares.tolist())) == 50


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_drawn_from_a_beta_distribution(alpha: float) -> None:
    """Beta(α, α) has the mean ½, the variance 1/(4(2α + 1)) and the excess kurtosis −6/(2α + 3)."""
    count, variance = 20_000, 1 / (4 * (2 * alpha + 1))

    found = drawn(mixing("per_image", alpha), count).mixing

    assert found is not None
    shares = found.shares.double().numpy()
    assert found.shares.dtype == torch.float32
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert abs(shares.mean() - 0.5) < 5 * np.sqrt(variance / count)
    spread = np.sqrt((2 - 6 / (2 * alpha + 3)) / count)
    assert abs(shares.var() / variance - 1) < 5 * spread


def test_centres_are_uniform_over_the_image() -> None:
    found = drawn(DistillationData(mixing="cutmix"), 5_000).mixing

    assert found is not None
    assert found.centres.shape == (5_000, 2)
    assert found.centres.min() >= 0
    assert found.centres.max() < 1
    assert (found.centres.mean(dim=0) - 0.5).abs().max() < 5 / np.sqrt(12 * 5_000)


def test_the_same_generator_gives_the_same_mixtures_whatever_else_draws_random_numbers() -> None:
    np.random.seed(1)
    torch.manual_seed(1)
    first = drawn(mixing(alpha=0.3)).mixing
    np.random.seed(2)
    torch.manual_seed(2)
    second = drawn(mixing(alpha=0.3)).mixing

    assert first is not None
    assert second is not None
    assert torch.equal(first.shares, second.shares)
    assert torch.equal(first.partners, second.partners)


def test_each_view_has_numbers_and_crops_of_its_own() -> None:
    found = drawn(DistillationData(policy="rand_augment"), 50, views=["auto_augment", "rand_augment"])

    assert list(found.views) == ["auto_augment", "rand_augment"]
    numbers = [found.policy, *(values for values, _ in found.views.values())]
    crops = [found.crops.top, *(crops.top for _, crops in found.views.values())]
    for drawn_values in (numbers, crops):
        assert len({tuple(values.flatten().tolist()) for values in drawn_values}) == 3


def test_everything_but_the_numbers_of_policies_is_moved() -> None:
    moved: list[tuple[int, ...]] = []

    def move(values: Tensor) -> Tensor:
        moved.append(tuple(values.shape))
        return values.clone()

    given = drawn(EVERYTHING, 10, views=["auto_augment"])
    found = given.moved(move)

    # order, three of the crops, changes, partners and shares, centres, and three of the crops of the view
    assert sorted(moved) == sorted([(10,)] * 4 + [(10, CHANGES)] + [(10,)] * 2 + [(10, 2)] + [(10,)] * 3)
    assert found.policy is given.policy
    assert found.views["auto_augment"][0] is given.views["auto_augment"][0]
    assert found.mixing is not None
    assert given.mixing is not None
    assert torch.equal(found.mixing.partners, given.mixing.partners)
