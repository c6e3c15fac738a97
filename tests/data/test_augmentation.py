from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data.augmentation import CIFAR_AUGMENTATION, Augmentation, Draws, apply, draw

Mode = Literal["reflect", "constant"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def padded_cropped_flipped(
    image: np.ndarray,
    padding: int,
    top: int,
    left: int,
    flipped: bool,
    mode: Literal["reflect", "constant"] = "reflect",
) -> np.ndarray:
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)), mode=mode)
    crop = padded[:, padding + top : padding + top + height, padding + left : padding + left + width]
    return crop[:, :, ::-1] if flipped else crop


@st.composite
def images_and_draws(draw_from: st.DrawFn) -> tuple[torch.Tensor, int, Draws]:
    height, width = draw_from(st.integers(2, 9)), draw_from(st.integers(2, 9))
    count, channels = draw_from(st.integers(1, 6)), draw_from(st.sampled_from([1, 3]))
    padding = draw_from(st.integers(0, min(height, width) - 1))
    shifts = st.lists(st.integers(-padding, padding), min_size=count, max_size=count)
    flips = st.lists(st.booleans(), min_size=count, max_size=count)
    images = torch.randint(256, (count, channels, height, width), generator=generator(count), dtype=torch.uint8)
    draws = Draws(*(torch.tensor(draw_from(values)) for values in (shifts, shifts, flips)))
    return images, padding, draws


@given(images_and_draws())
def test_every_output_is_the_reflect_padded_input_cropped_and_flipped_as_drawn(
    case: tuple[torch.Tensor, int, Draws],
) -> None:
    images, padding, draws = case

    augmented = apply(images, draws)

    rows = zip(images.numpy(), draws.top.tolist(), draws.left.tolist(), draws.flipped.tolist(), strict=True)
    expected = [padded_cropped_flipped(image, padding, top, left, flipped) for image, top, left, flipped in rows]
    np.testing.assert_array_equal(augmented.numpy(), np.stack(expected))


@given(images_and_draws())
def test_padding_with_zeros_is_black_beyond_the_border(case: tuple[torch.Tensor, int, Draws]) -> None:
    images, padding, draws = case
    images = images.clamp(min=1)  # what is black comes from beyond

    augmented = apply(images, replace(draws, zeros=True))

    rows = zip(images.numpy(), draws.top.tolist(), draws.left.tolist(), draws.flipped.tolist(), strict=True)
    expected = [
        padded_cropped_flipped(image, padding, top, left, flipped, "constant") for image, top, left, flipped in rows
    ]
    np.testing.assert_array_equal(augmented.numpy(), np.stack(expected))


def test_the_kind_of_padding_changes_no_random_number() -> None:
    kinds = [Augmentation(crop_padding=2, horizontal_flip=True, padding=padding) for padding in ("reflect", "zeros")]

    first, second = (draw(kind, 20, generator()) for kind in kinds)

    assert (first.zeros, second.zeros) == (False, True)
    assert all(torch.equal(getattr(first, name), getattr(second, name)) for name in ("top", "left", "flipped"))


@given(images_and_draws(), st.data())
def test_each_image_is_augmented_by_itself(case: tuple[torch.Tensor, int, Draws], data: st.DataObject) -> None:
    images, _, draws = case
    index = data.draw(st.integers(0, len(images) - 1))
    part = slice(index, index + 1)

    assert torch.equal(apply(images[part], draws[part]), apply(images, draws)[part])


def test_the_border_is_mirrored_without_repeating_the_edge_pixel() -> None:
    image = torch.tensor([10, 20, 30, 40], dtype=torch.uint8).expand(1, 1, 4, 4)
    draws = Draws(torch.tensor([0]), torch.tensor([-3]), torch.tensor([False]))

    assert apply(image, draws)[0, 0, 0].tolist() == [40, 30, 20, 10]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64])
def test_the_type_is_kept_and_memory_is_channels_last(dtype: torch.dtype) -> None:
    augmented = apply(torch.ones(2, 3, 8, 8, dtype=dtype), draw(CIFAR_AUGMENTATION, 2, generator()))

    assert augmented.dtype == dtype
    assert augmented.is_contiguous(memory_format=torch.channels_last)


def test_without_augmentation_images_stay_as_they_are() -> None:
    images = torch.randint(256, (5, 3, 8, 8), dtype=torch.uint8)

    assert torch.equal(apply(images, draw(Augmentation(), 5, generator())), images)


@pytest.mark.parametrize("padding", [1, 4])
def test_every_shift_up_to_the_padding_is_equally_likely(padding: int) -> None:
    count, shifts = 9_000, 2 * padding + 1

    draws = draw(Augmentation(crop_padding=padding), count, generator())

    for shift in (draws.top, draws.left):
        values, counts = np.unique(shift.numpy(), return_counts=True)
        assert values.tolist() == list(range(-padding, padding + 1))
        five_sigma = 5 * np.sqrt(count / shifts * (1 - 1 / shifts))
        assert np.abs(counts - count / shifts).max() < five_sigma


def test_vertical_shift_horizontal_shift_and_flip_are_independent() -> None:
    draws = draw(CIFAR_AUGMENTATION, 10_000, generator())

    correlations = np.corrcoef(np.stack([draws.top, draws.left, draws.flipped]).astype(float))

    assert np.abs(correlations[np.triu_indices(3, k=1)]).max() < 5 / np.sqrt(10_000)


def test_half_of_the_images_are_flipped() -> None:
    flipped = draw(Augmentation(horizontal_flip=True), 10_000, generator()).flipped

    assert abs(int(flipped.sum()) - 5_000) < 5 * 50


def test_nothing_is_flipped_unless_asked() -> None:
    assert not draw(Augmentation(crop_padding=4), 1_000, generator()).flipped.any()


def test_switching_one_augmentation_off_leaves_the_choices_of_the_other() -> None:
    both = draw(CIFAR_AUGMENTATION, 50, generator())
    crop = draw(Augmentation(crop_padding=4), 50, generator())
    flip = draw(Augmentation(horizontal_flip=True), 50, generator())

    assert torch.equal(both.top, crop.top)
    assert torch.equal(both.left, crop.left)
    assert torch.equal(both.flipped, flip.flipped)


def test_drawing_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()

    draw(CIFAR_AUGMENTATION, 10, generator())

    assert torch.equal(torch.get_rng_state(), before)


def test_the_papers_augmentation_is_reflect_padding_4_and_horizontal_flip() -> None:
    assert Augmentation(crop_padding=4, horizontal_flip=True) == CIFAR_AUGMENTATION
