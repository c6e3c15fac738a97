import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as reference
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor

from robustkd.data.distillation_data import DistillationData
from robustkd.data.epoch_draws import CHANGES, MixingDraws
from robustkd.data.shown import changed, mixed

ANGLE, FLIP, BRIGHTNESS, CONTRAST, SATURATION, HUE = range(CHANGES)
MIXUP, CUTMIX = DistillationData(mixing="mixup"), DistillationData(mixing="cutmix")


def some_pixels(count: int = 5, channels: int = 3, height: int = 10, width: int = 8) -> Tensor:
    return torch.rand((count, channels, height, width), generator=torch.Generator().manual_seed(count))


def numbers(count: int, **columns: float) -> Tensor:
    """The numbers of images, in the middle of their range unless given."""
    values = torch.full((count, CHANGES), 0.5)
    for name, value in columns.items():
        values[:, ["angle", "flip", "brightness", "contrast", "saturation", "hue"].index(name)] = value
    return values


def mixing(partners: list[int], shares: list[float], centres: list[tuple[float, float]] | None = None) -> MixingDraws:
    count = len(partners)
    return MixingDraws(torch.tensor(partners), torch.tensor(shares), torch.tensor(centres or [(0.5, 0.5)] * count))


def rectangle(share: float, centre: tuple[float, float], height: int, width: int) -> np.ndarray:
    """The pixels whose centres lie in a rectangle of sides √(1 − λ)·H and √(1 − λ)·W, one by one."""
    inside = np.zeros((height, width), bool)
    half = [math.sqrt(1 - share) / 2 * side for side in (height, width)]
    for row in range(height):
        for column in range(width):
            away = abs(row + 0.5 - centre[0] * height), abs(column + 0.5 - centre[1] * width)
            inside[row, column] = away[0] < half[0] and away[1] < half[1]
    return inside


def test_an_angle_of_0_changes_nothing() -> None:
    pixels = some_pixels()

    found = changed(pixels, DistillationData(rotation=45), numbers(5, angle=0.5))

    torch.testing.assert_close(found, pixels, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("number", "quarters"), [(0.0, -1), (1.0, 1)])
def test_the_ends_of_the_range_are_rotations_by_the_largest_angle_to_either_side(number: float, quarters: int) -> None:
    pixels = some_pixels(height=8)

    found = changed(pixels, DistillationData(rotation=90), numbers(5, angle=number))

    torch.testing.assert_close(found, pixels.rot90(quarters, (2, 3)).contiguous(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("number", "degrees"), [(0.0, -30), (0.25, -15), (0.75, 15)])
def test_the_angle_is_in_proportion_to_its_number(number: float, degrees: float) -> None:
    """Held against SciPy where nothing beyond the border is seen."""
    rows, columns = np.mgrid[:31, :31] / 31
    image = 0.5 + 0.5 * np.sin(5 * rows + 3 * columns)

    found = changed(
        torch.from_numpy(image).float()[None, None], DistillationData(rotation=30), numbers(1, angle=number)
    )

    expected = ndimage.rotate(image, degrees, reshape=False, order=1)
    inner = slice(9, -9)
    np.testing.assert_allclose(found[0, 0].numpy()[inner, inner], expected[inner, inner], atol=1e-4)


@given(number=st.floats(0, 1, exclude_max=True, width=32), rotation=st.floats(0.1, 180))
def test_no_image_is_rotated_further_than_asked(number: float, rotation: float) -> None:
    """A bright point far from the centre is seen at the angle that it is rotated by."""
    pixels = torch.zeros(1, 1, 61, 61)
    pixels[0, 0, 30, 55] = 1
    rows, columns = torch.meshgrid(torch.arange(61.0) - 30, torch.arange(61.0) - 30, indexing="ij")

    found = changed(pixels, DistillationData(rotation=rotation), numbers(1, angle=number))[0, 0]

    down, right = ((found * places).sum() / found.sum() for places in (rows, columns))
    assert math.degrees(abs(math.atan2(down, right))) <= rotation + 1.5


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_mirrored_upside_down_where_their_number_is_below_one_half(channels: int) -> None:
    pixels = some_pixels(4, channels)
    draws = numbers(4)
    draws[:, FLIP] = torch.tensor([0.0, 0.4999, 0.5, 0.9999])

    found = changed(pixels, DistillationData(vertical_flip=True), draws)

    expected = pixels.numpy().copy()
    expected[:2] = expected[:2, :, ::-1]
    np.testing.assert_array_equal(found.numpy(), expected)


def test_without_a_request_the_numbers_change_nothing() -> None:
    pixels = some_pixels()

    assert torch.equal(changed(pixels, DistillationData(), numbers(5, angle=0.9, flip=0.1, hue=0.9)), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_colour_jitter_of_0_changes_nothing(channels: int) -> None:
    pixels = some_pixels(channels=channels)

    found = changed(pixels, DistillationData(colour_jitter=0.0), torch.rand(5, CHANGES))

    assert torch.equal(found, pixels)


def test_colours_in_the_middle_of_their_range_change_nothing() -> None:
    pixels = some_pixels()

    found = changed(pixels, DistillationData(colour_jitter=0.7), numbers(5, angle=0.1, flip=0.1))

    torch.testing.assert_close(found, pixels, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("column", "adjust"),
    [
        ("brightness", reference.adjust_brightness),
        ("contrast", reference.adjust_contrast),
        ("saturation", reference.adjust_saturation),
    ],
)
@pytest.mark.parametrize("number", [0.0, 0.3, 1.0])
def test_factors_go_from_1_less_to_1_plus_the_strength(
    column: str, adjust: Callable[[Tensor, float], Tensor], number: float
) -> None:
    pixels = some_pixels()

    found = changed(pixels, DistillationData(colour_jitter=0.4), numbers(5, **{column: number}))

    # torchvision's weights of the brightness have four digits
    torch.testing.assert_close(found, adjust(pixels, 1 + 0.4 * (2 * number - 1)), rtol=0, atol=1e-3)


@pytest.mark.parametrize("number", [0.0, 0.3, 1.0])
def test_the_hue_turns_by_up_to_half_the_strength(number: float) -> None:
    pixels = some_pixels()

    found = changed(pixels, DistillationData(colour_jitter=0.4), numbers(5, hue=number))

    torch.testing.assert_close(found, reference.adjust_hue(pixels, 0.2 * (2 * number - 1)), rtol=0, atol=1e-4)


@given(seed=st.integers(0, 99), place=st.integers(0, 5))
def test_what_an_image_becomes_depends_on_its_own_numbers_alone(seed: int, place: int) -> None:
    data = DistillationData(rotation=30, vertical_flip=True, colour_jitter=0.5)
    pixels, draws = some_pixels(6), torch.rand((6, CHANGES), generator=torch.Generator().manual_seed(seed))

    together = changed(pixels, data, draws)[place]

    alone = changed(pixels[place : place + 1], data, draws[place : place + 1])[0]
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@given(seed=st.integers(0, 99))
def test_pixels_stay_from_0_to_1(seed: int) -> None:
    data = DistillationData(rotation=180, vertical_flip=True, colour_jitter=1.0)
    draws = torch.rand((6, CHANGES), generator=torch.Generator().manual_seed(seed))

    found = changed(some_pixels(6).round(), data, draws)

    assert found.min() >= -1e-6
    assert found.max() <= 1 + 1e-6


def test_mixup_adds_two_images_in_the_proportion_of_their_shares() -> None:
    pixels, shares = some_pixels(3), [0.25, 1.0, 0.0]

    found, share = mixed(pixels, torch.tensor([1, 2, 0]), MIXUP, mixing([1, 2, 0], shares))

    images = pixels.double().numpy()
    expected = [0.25 * images[0] + 0.75 * images[1], images[1], images[0]]
    np.testing.assert_allclose(found.numpy(), np.stack(expected), atol=1e-6)
    assert share.tolist() == shares


@given(
    seed=st.integers(0, 99), shares=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6), extreme=st.booleans()
)
def test_mixtures_keep_the_range_of_pixels(seed: int, shares: list[float], extreme: bool) -> None:
    count = len(shares)
    partners = np.random.default_rng(seed).permutation(count).tolist()
    pixels = some_pixels(count).round() if extreme else some_pixels(count)

    for data in (MIXUP, CUTMIX):
        found, share = mixed(pixels, torch.tensor(partners), data, mixing(partners, shares))

        assert found.min() >= 0
        assert found.max() <= 1 + 1e-6
        assert share.min() >= 0
        assert share.max() <= 1


def test_an_image_that_is_its_own_partner_stays_as_it_is() -> None:
    pixels = some_pixels(2)

    for data in (MIXUP, CUTMIX):
        found, _ = mixed(pixels, torch.tensor([0, 1]), data, mixing([0, 1], [0.3, 0.6]))

        torch.testing.assert_close(found, pixels, rtol=0, atol=1e-6)


unit = st.floats(0, 1, exclude_max=True, width=16)


@given(
    shares=st.lists(st.floats(0, 1, width=16), min_size=2, max_size=4),
    centre=st.tuples(unit, unit),
    height=st.integers(1, 11),
    width=st.integers(1, 11),
)
def test_cutmix_shows_the_other_image_inside_of_a_rectangle(
    shares: list[float], centre: tuple[float, float], height: int, width: int
) -> None:
    """Held against the definition pixel by pixel; those that rounding moves across the edge may be either."""
    count = len(shares)
    pixels = torch.arange(count).float()[:, None, None, None].expand(count, 2, height, width)
    partners = [(place + 1) % count for place in range(count)]

    found, _ = mixed(pixels, torch.tensor(partners), CUTMIX, mixing(partners, shares, [centre] * count))

    for place, share in enumerate(shares):
        least, most = (rectangle(min(1.0, max(0.0, share + d)), centre, height, width) for d in (1e-5, -1e-5))
        shown = found[place].numpy()
        assert (shown[:, least] == partners[place]).all()
        assert (shown[:, ~most] == place).all()


@given(shares=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=5), centre=st.tuples(unit, unit))
def test_the_share_of_cutmix_is_the_area_that_is_left_of_the_first_image(
    shares: list[float], centre: tuple[float, float]
) -> None:
    count = len(shares)
    pixels = torch.arange(count).float()[:, None, None, None].expand(count, 1, 9, 7)
    partners = [(place + 1) % count for place in range(count)]

    found, share = mixed(pixels, torch.tensor(partners), CUTMIX, mixing(partners, shares, [centre] * count))

    left = [(found[place] == place).double().mean().item() for place in range(count)]
    assert share.tolist() == pytest.approx(left, abs=1e-6)


@pytest.mark.parametrize(
    ("share", "centre", "replaced"),
    [
        (0.75, (0.5, 0.5), (slice(2, 6), slice(2, 6))),
        (0.75, (0.0, 0.0), (slice(0, 2), slice(0, 2))),
        (0.75, (0.25, 0.75), (slice(0, 4), slice(4, 8))),
        (0.0, (0.5, 0.5), (slice(0, 8), slice(0, 8))),
        (1.0, (0.5, 0.5), (slice(0, 0), slice(0, 0))),
    ],
    ids=["middle", "cut off at a corner", "row before column", "all", "nothing"],
)
def test_the_rectangle_has_the_sides_of_the_image_times_the_root_of_its_share(
    share: float, centre: tuple[float, float], replaced: tuple[slice, slice]
) -> None:
    pixels = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 1, 8, 8)
    expected = np.zeros((8, 8))
    expected[replaced] = 1

    found, shares = mixed(pixels, torch.tensor([1, 0]), CUTMIX, mixing([1, 0], [share] * 2, [centre] * 2))

    np.testing.assert_array_equal(found[0, 0].numpy(), expected)
    assert shares.tolist() == [1 - expected.mean()] * 2
