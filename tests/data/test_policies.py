import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.autoaugment import AutoAugmentPolicy

from robustkd.data import policies
from robustkd.data.epoch_draws import NUMBERS
from robustkd.data.policies import AUTO_AUGMENT, OPERATIONS, RAND_AUGMENT, RAND_LEVEL, SIGNED, apply_policy

TORCHVISION_AUTO, TORCHVISION_RAND = v2.AutoAugment(AutoAugmentPolicy.CIFAR10), v2.RandAugment()
POLICIES = pytest.mark.parametrize("policy", ["auto_augment", "rand_augment"])
NEVER = 1 - 2**-24
"""The largest float32 below 1, which no probability of the table reaches."""


def some_images(count: int = 6, channels: int = 3, height: int = 32, width: int = 24) -> Tensor:
    """Images whose channels have different ranges, so that equalising and stretching them changes them."""
    generator = np.random.default_rng(count)
    low, high = (
        generator.integers(0, 60, (count, channels, 1, 1)),
        generator.integers(120, 256, (count, channels, 1, 1)),
    )
    values = low + (high - low) * generator.random((count, channels, height, width))
    return torch.from_numpy(values.astype(np.uint8))


def uniform(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, NUMBERS, generator=torch.Generator().manual_seed(seed))


def chosen(operation: str, sign: float = 0.9) -> Tensor:
    """The numbers that make RandAugment apply one operation to one image, and then leave it alone."""
    first = (RAND_AUGMENT.index(operation) + 0.5) / len(RAND_AUGMENT)
    identity = (RAND_AUGMENT.index("Identity") + 0.5) / len(RAND_AUGMENT)
    return torch.tensor([[first, 0.5, sign, identity, 0.5, 0.9]])


def of_sub_policy(index: int, first: float, second: float, sign: float = 0.9) -> Tensor:
    """The numbers that choose a sub-policy of AutoAugment, and by which its two operations are applied or not."""
    return torch.tensor([[(index + 0.5) / len(AUTO_AUGMENT), first, sign, 0.5, second, sign]])


def by_torchvision(images: Tensor, name: str, magnitude: float) -> Tensor:
    return TORCHVISION_AUTO._apply_image_or_video_transform(
        images, name, magnitude, InterpolationMode.NEAREST, {Tensor: None}
    )


def magnitude(space: dict, name: str, bins: int, index: int, images: Tensor) -> float:
    values = space[name][0](bins, *images.shape[-2:])
    return 0.0 if values is None else float(values[index])


def difference(first: Tensor, second: Tensor) -> int:
    return int((first.int() - second.int()).abs().max())


USED_BY_AUTO_AUGMENT = sorted({(name, level) for pair in AUTO_AUGMENT for name, _, level in pair})


def test_the_sub_policies_are_those_of_torchvision_for_cifar_10() -> None:
    expected = [
        tuple((name, probability, level or 0) for name, probability, level in pair)
        for pair in TORCHVISION_AUTO._policies
    ]

    assert expected == AUTO_AUGMENT


def test_the_operations_of_rand_augment_are_those_of_torchvision() -> None:
    assert set(RAND_AUGMENT) == set(TORCHVISION_RAND._AUGMENTATION_SPACE)
    assert len(RAND_AUGMENT) == len(set(RAND_AUGMENT))
    assert TORCHVISION_RAND.magnitude / (TORCHVISION_RAND.num_magnitude_bins - 1) == RAND_LEVEL


def test_the_operations_that_go_either_way_are_those_of_torchvision() -> None:
    spaces = TORCHVISION_AUTO._AUGMENTATION_SPACE | TORCHVISION_RAND._AUGMENTATION_SPACE

    assert set(SIGNED) == {name for name, (_, signed) in spaces.items() if signed}


@pytest.mark.parametrize(("name", "level"), USED_BY_AUTO_AUGMENT)
@pytest.mark.parametrize("sign", [1, -1])
def test_each_operation_of_auto_augment_is_that_of_torchvision(name: str, level: int, sign: int) -> None:
    images = some_images()
    direction = sign if name in SIGNED else 1
    expected = by_torchvision(
        images, name, direction * magnitude(TORCHVISION_AUTO._AUGMENTATION_SPACE, name, 10, level, images)
    )

    found = OPERATIONS[name](images, direction * level / 9, *images.shape[-2:])

    assert difference(found, expected) <= (0 if name == "Solarize" else 1)


@pytest.mark.parametrize("sign", [0.1, 0.9])
@pytest.mark.parametrize("name", RAND_AUGMENT)
def test_each_operation_of_rand_augment_is_that_of_torchvision(name: str, sign: float) -> None:
    images = some_images()
    direction = -1 if name in SIGNED and sign < 0.5 else 1
    strength = magnitude(TORCHVISION_RAND._AUGMENTATION_SPACE, name, 31, 9, images)
    expected = by_torchvision(images, name, direction * strength)

    found = apply_policy(images, "rand_augment", chosen(name, sign).expand(len(images), -1))

    assert difference(found, expected) <= (0 if name in ("Solarize", "Identity") else 1)


def test_solarising_is_exact_at_every_grey_level() -> None:
    """Torchvision's threshold is a float32, ours a float64: no grey level lies between the two."""
    greys = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    used = [(10, level) for name, level in USED_BY_AUTO_AUGMENT if name == "Solarize"] + [(31, 9)]

    for bins, level in used:
        expected = by_torchvision(greys, "Solarize", float(torch.linspace(1, 0, bins)[level]))
        assert torch.equal(OPERATIONS["Solarize"](greys, level / (bins - 1), 16, 16), expected)


@pytest.mark.parametrize("index", range(len(AUTO_AUGMENT)))
@pytest.mark.parametrize("sign", [0.1, 0.9])
def test_both_operations_of_a_sub_policy_are_applied_in_order(index: int, sign: float) -> None:
    images = some_images(2)
    expected = images
    for name, probability, level in TORCHVISION_AUTO._policies[index]:
        strength = magnitude(TORCHVISION_AUTO._AUGMENTATION_SPACE, name, 10, level or 0, images)
        direction = -1 if TORCHVISION_AUTO._AUGMENTATION_SPACE[name][1] and sign < 0.5 else 1
        if probability > 0:
            expected = by_torchvision(expected, name, direction * strength)

    found = apply_policy(images, "auto_augment", of_sub_policy(index, 0.0, 0.0, sign).expand(2, -1))

    # a difference of one level in the first operation may grow in the second, where that stretches the greys
    assert (found.int() - expected.int()).abs().float().mean() < 0.5


@pytest.mark.parametrize("index", range(len(AUTO_AUGMENT)))
def test_an_operation_is_applied_where_its_number_is_below_its_probability(index: int) -> None:
    images = some_images(1)
    (_, first, _), (_, second, _) = AUTO_AUGMENT[index]
    unless = of_sub_policy(index, NEVER, NEVER)

    assert torch.equal(apply_policy(images, "auto_augment", unless), images)
    for column, probability in ((1, first), (4, second)):
        below, at = unless.clone(), unless.clone()
        below[0, column], at[0, column] = max(0.0, probability - 1e-6), probability
        together = of_sub_policy(index, *((0.0, NEVER) if column == 1 else (NEVER, 0.0)))
        assert torch.equal(apply_policy(images, "auto_augment", at), images)
        assert torch.equal(apply_policy(images, "auto_augment", below), apply_policy(images, "auto_augment", together))


@pytest.mark.parametrize(("probability", "applied"), [(0.0, False), (1.0, True)])
@given(number=st.floats(0, NEVER, width=32))
def test_probability_0_is_never_and_probability_1_is_always(number: float, probability: float, applied: bool) -> None:
    images = some_images(1, height=4, width=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policies, "AUTO_AUGMENT", [(("Invert", probability, 0), ("Invert", 0.0, 0))])

        found = apply_policy(images, "auto_augment", of_sub_policy(0, number, 0.0))

    assert torch.equal(found, 255 - images if applied else images)


@POLICIES
@given(seed=st.integers(0, 99), count=st.integers(1, 12), channels=st.sampled_from([1, 3]), place=st.integers(0, 11))
def test_what_an_image_becomes_depends_on_its_own_numbers_alone(
    policy: str, seed: int, count: int, channels: int, place: int
) -> None:
    images, numbers = some_images(count, channels, 8, 8), uniform(count, seed)
    one = place % count

    together = apply_policy(images, policy, numbers)
    alone = apply_policy(images[one : one + 1], policy, numbers[one : one + 1])

    assert torch.equal(together[one], alone[0])


@POLICIES
def test_the_images_that_are_given_do_not_change(policy: str) -> None:
    images = some_images(40)
    before = images.clone()

    found = apply_policy(images, policy, uniform(40))

    assert torch.equal(images, before)
    assert not torch.equal(found, before)


@POLICIES
@pytest.mark.parametrize("channels", [1, 3])
def test_form_and_type_are_kept(policy: str, channels: int) -> None:
    images = some_images(30, channels)

    found = apply_policy(images, policy, uniform(30))

    assert found.shape == images.shape
    assert found.dtype == torch.uint8


@POLICIES
@pytest.mark.parametrize("number", [0.0, NEVER])
def test_the_smallest_and_the_largest_number_choose_an_operation(policy: str, number: float) -> None:
    images = some_images(1)

    assert apply_policy(images, policy, torch.full((1, NUMBERS), number)).shape == images.shape


@POLICIES
def test_channels_last_images_become_the_same(policy: str) -> None:
    images, numbers = some_images(30), uniform(30)

    found = apply_policy(images.contiguous(memory_format=torch.channels_last), policy, numbers)

    assert torch.equal(found, apply_policy(images, policy, numbers))
