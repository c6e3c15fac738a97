"""Altered images are what their names say, and the same for every network."""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as reference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from torch import Tensor

from robustkd.data import ImageSet
from robustkd.data.alterations.alteration import Alteration, altered, generators_of
from robustkd.data.alterations.blur import blur
from robustkd.data.alterations.colour import colour_jitter, turned_hue
from robustkd.data.alterations.geometry import cropped, rotated, shifted
from robustkd.data.alterations.noise import gaussian_noise, uniform_noise
from robustkd.data.alterations.outlines import edges, foreground, gradient, grey, otsu_threshold, silhouettes
from robustkd.data.alterations.patches import patch_shuffled
from robustkd.data.alterations.textures import (
    divided,
    partners,
    silhouette_conflict,
    smooth_conflict,
    texture_swapped,
)
from robustkd.errors import DataError

COUNT = 9


def image_set(channels: int = 3, height: int = 10, width: int = 8, classes: int = 3) -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT, channels, height, width), dtype=np.uint8)
    return ImageSet(torch.from_numpy(pixels), torch.arange(COUNT) % classes, ("a", "b", "c"))


def everything(images: ImageSet) -> list[Alteration]:
    other = partners(images, 3)
    return [
        uniform_noise(3),
        gaussian_noise(3),
        blur(2.0),
        patch_shuffled(3),
        grey(),
        edges(),
        silhouettes(),
        texture_swapped(images, other, 3),
        smooth_conflict(images, other, 3),
        silhouette_conflict(images, other, 3),
        colour_jitter(0.4, 3),
        cropped(0.5, 3),
        shifted(2, 3),
        rotated(20, 3),
    ]


def all_of(images: ImageSet) -> Tensor:
    return images.read(torch.arange(len(images)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("place", range(14))
def test_an_image_is_altered_alike_in_every_batch_and_sample(place: int, channels: int) -> None:
    images = image_set(channels)
    alteration = everything(images)[place]
    sample = torch.tensor([7, 2, 5])

    whole = altered(images, alteration)

    assert whole.shape == images.shape
    one_by_one = torch.cat([alteration.transform(images.read(each), each) for each in torch.arange(COUNT).split(1)])
    part = altered(images.subset(sample), alteration, sample)
    assert torch.equal(all_of(whole), one_by_one)
    assert torch.equal(all_of(part), one_by_one[sample])


@pytest.mark.parametrize("make", [uniform_noise, gaussian_noise, patch_shuffled, lambda seed: colour_jitter(0.4, seed)])
def test_another_seed_makes_other_images_and_another_digest(make: Callable[[int], Alteration]) -> None:
    first, second = (altered(image_set(), make(seed)) for seed in (0, 1))

    assert first.digest != second.digest
    assert not torch.equal(all_of(first), all_of(second))


def test_noise_has_the_distribution_of_its_name() -> None:
    images = image_set(height=64, width=64)

    uniform, gaussian = (all_of(altered(images, make(0))).double() / 255 for make in (uniform_noise, gaussian_noise))

    assert (float(uniform.mean()), float(uniform.std())) == pytest.approx((0.5, math.sqrt(1 / 12)), abs=0.01)
    # two standard deviations lie within [0, 1]: clipping takes little from the spread of 0.25
    assert (float(gaussian.mean()), float(gaussian.std())) == pytest.approx((0.5, 0.25), abs=0.015)


def test_blur_is_that_of_scipy_in_proportion_to_the_side() -> None:
    images = image_set(height=16, width=16)

    found = all_of(altered(images, blur(2.0)))

    sigma = 2.0 * 16 / 32
    expected = ndimage.gaussian_filter(all_of(images).numpy().astype(float), (0, 0, sigma, sigma), mode="nearest")
    assert np.abs(found.numpy() - expected).max() <= 0.51


def test_shuffled_patches_hold_the_same_patches_elsewhere() -> None:
    images = image_set(height=10, width=8)  # patches of two by two pixels, 5 rows of 4

    found = all_of(altered(images, patch_shuffled(0)))

    def patches(image: Tensor) -> Counter:
        return Counter(
            bytes(image[:, r : r + 2, c : c + 2].numpy().tobytes()) for r in range(0, 10, 2) for c in range(0, 8, 2)
        )

    for before, after in zip(all_of(images), found, strict=True):
        assert patches(before) == patches(after)
        assert not torch.equal(before, after)


def test_grey_is_the_brightness_in_every_channel() -> None:
    images = image_set()

    found = all_of(altered(images, grey()))

    expected = (all_of(images).double() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)
    assert float((found.double() - expected).abs().max()) <= 0.51


def test_edges_are_sobels() -> None:
    pixels = torch.rand(2, 1, 9, 7, generator=torch.Generator().manual_seed(0))

    found = gradient(pixels)

    lengths = [
        np.hypot(*(ndimage.sobel(image, axis, mode="nearest") for axis in (0, 1))) for image in pixels[:, 0].numpy()
    ]
    expected = np.stack([length / length.max() for length in lengths])
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)


def test_an_image_of_one_colour_has_no_edges_and_no_silhouette() -> None:
    plain = ImageSet(torch.full((1, 3, 8, 8), 77, dtype=torch.uint8), torch.zeros(1).long(), ("a",))

    assert int(all_of(altered(plain, edges())).min()) == 255
    assert int(all_of(altered(plain, silhouettes())).min()) == 255


@given(arrays(np.int64, (1, 40), elements=st.integers(0, 255)))
def test_otsus_threshold_makes_the_classes_differ_most(levels: np.ndarray) -> None:
    def between(threshold: int) -> float:
        low, high = levels[levels <= threshold], levels[levels > threshold]
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2 if len(low) and len(high) else 0.0

    found = int(otsu_threshold(torch.from_numpy(levels))[0])

    assert between(found) == pytest.approx(max(map(between, range(256))))


def test_the_silhouette_of_a_disc_is_the_disc() -> None:
    rows, columns = np.mgrid[:32, :32]
    disc = (rows - 15.5) ** 2 + (columns - 15.5) ** 2 < 8**2
    pixels = torch.from_numpy(np.where(disc, 0.9, 0.2).astype(np.float32))[None, None].repeat(1, 3, 1, 1)

    found = foreground(pixels)[0, 0].numpy()

    assert (found == disc).mean() > 0.98


@pytest.mark.parametrize("turn", [-0.2, 0.0, 0.13])
def test_hue_is_turned_as_torchvision_does(turn: float) -> None:
    pixels = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0))

    found = turned_hue(pixels, torch.tensor(turn))

    torch.testing.assert_close(found, reference.adjust_hue(pixels, turn), atol=1e-5, rtol=0)


def test_colours_are_jittered_as_torchvision_does() -> None:
    images, strength = image_set(), 0.4
    found = all_of(altered(images, colour_jitter(strength, seed=5)))

    # what is drawn for the third image, from its own generator
    (generator,) = generators_of("colour", 5, torch.tensor([2]))
    brightness, contrast, saturation, hue = strength * generator.uniform(-1, 1, 4).astype(np.float32)
    pixels = images.read(torch.tensor([2])).float() / 255
    pixels = reference.adjust_brightness(pixels, 1 + brightness)
    pixels = reference.adjust_contrast(pixels, 1 + contrast)
    pixels = reference.adjust_saturation(pixels, 1 + saturation)
    pixels = reference.adjust_hue(pixels, float(hue) / 2)
    assert float((found[2] / 255 - pixels[0]).abs().max()) < 1.5 / 255


@pytest.mark.parametrize("alteration", [colour_jitter(0.0, 0), cropped(1.0, 0), shifted(0, 0), rotated(0.0, 0)])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_strength_nothing_changes(alteration: Alteration, channels: int) -> None:
    images = image_set(channels)

    assert torch.equal(all_of(altered(images, alteration)), all_of(images))


def test_a_shift_moves_every_pixel_by_so_many() -> None:
    images = image_set(1, 6, 6)

    found = all_of(altered(images, shifted(2, 0)))

    padded = np.pad(all_of(images).numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="symmetric")
    moves = [(down, across) for down in (0, 2, 4) for across in (0, 2, 4) if (down, across) != (2, 2)]
    for index, image in enumerate(found.numpy()):
        windows = [padded[index, :, down : down + 6, across : across + 6] for down, across in moves]
        assert sum(np.array_equal(image, window) for window in windows) == 1


def test_a_quarter_turn_to_either_side_is_that_of_numpy() -> None:
    images = image_set(3, 8, 8)

    found = all_of(altered(images, rotated(90, 0))).numpy()

    turns = {1: 0, -1: 0}
    for before, after in zip(all_of(images).numpy(), found, strict=True):
        for quarter in turns:
            turns[quarter] += int(np.abs(np.rot90(before, quarter, (1, 2)).astype(int) - after).max() <= 1)
    assert turns[1] + turns[-1] == COUNT
    assert min(turns.values()) > 0


def test_a_crop_of_a_ramp_is_a_part_of_it() -> None:
    ramp = torch.arange(0, 128, 4, dtype=torch.uint8).expand(COUNT, 1, 32, 32)
    images = ImageSet(ramp.contiguous(), torch.zeros(COUNT).long(), ("a",))

    found = all_of(altered(images, cropped(0.25, 0))).double()

    # half the side is enlarged to the whole: the slope is halved, and the part lies within the image
    slopes = found[:, 0, 10, 3:29].diff(dim=1).mean(dim=1)
    np.testing.assert_allclose(slopes, 2.0, atol=0.05)
    assert len({float(image[0, 10, 16]) for image in found}) > 3


def test_two_views_are_cropped_at_different_places() -> None:
    first, second = (all_of(altered(image_set(), cropped(0.3, 0, view))) for view in (0, 1))

    assert not torch.equal(first, second)


def test_partners_are_of_another_class_or_another_image_of_the_same() -> None:
    images = image_set()

    other, same = partners(images, 0), partners(images, 0, same_class=True)

    assert bool((images.labels[other] != images.labels).all())
    assert bool((images.labels[same] == images.labels).all())
    assert bool((same != torch.arange(COUNT)).all())


def test_without_another_class_there_are_no_partners() -> None:
    with pytest.raises(DataError, match="no images of a second class"):
        partners(image_set(classes=1), 0)


def test_a_texture_swap_keeps_the_smooth_part_and_the_contrast_of_the_detail() -> None:
    # images of low contrast, so that nothing is clipped
    source = image_set(height=32, width=32)
    images = ImageSet((all_of(source) // 8 + 112), source.labels, source.class_names)

    found = all_of(altered(images, texture_swapped(images, partners(images, 0), 0)))

    before, after = (divided(each.double().float() / 255) for each in (all_of(images), found))
    for place in (slice(3, -3),):  # away from the border and from rounding, shape and contrast stay
        assert float((before[0] - after[0])[..., place, place].abs().mean()) < 0.01
    np.testing.assert_allclose(after[1].std(dim=(1, 2, 3)), before[1].std(dim=(1, 2, 3)), rtol=0.1)


def test_a_smooth_conflict_has_the_colours_of_the_partner() -> None:
    source = image_set(height=32, width=32)
    levels = torch.tensor([60, 120, 180])[source.labels][:, None, None, None]
    images = ImageSet((all_of(source) // 16 + levels).to(torch.uint8), source.labels, source.class_names)
    partner = partners(images, 0)

    found = all_of(altered(images, smooth_conflict(images, partner, 0))).double()

    np.testing.assert_allclose(found.mean(dim=(2, 3)), all_of(images)[partner].double().mean(dim=(2, 3)), atol=1)


def test_a_silhouette_conflict_is_filled_with_pixels_of_the_partner() -> None:
    rows, columns = np.mgrid[:16, :16]
    disc = torch.from_numpy((rows - 7.5) ** 2 + (columns - 7.5) ** 2 < 5**2)
    colours = torch.tensor([40, 200, 90])
    pixels = torch.where(disc, colours[torch.arange(COUNT) % 3][:, None, None, None], torch.tensor(10)).to(torch.uint8)
    images = ImageSet(pixels, torch.arange(COUNT) % 3, ("a", "b", "c"))
    partner = partners(images, 0)

    found = all_of(altered(images, silhouette_conflict(images, partner, 0)))

    for index in range(COUNT):
        outside = found[index, 0][~torch.nn.functional.max_pool2d(disc[None].float(), 3, 1, 1)[0].bool()]
        assert set(outside.tolist()) == {128}
        inside = set(found[index, 0][disc].tolist()) - {128}
        assert inside <= {10, int(colours[partner[index] % 3])}
