from collections import Counter

import numpy as np
import pytest
import torch
from sklearn import datasets

from robustkd.data import Augmentation, Dataset, ImageSet, load_dataset


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def contents(images: ImageSet) -> Counter[tuple[bytes, int]]:
    pixels = images.read(torch.arange(len(images))).numpy()
    return Counter((image.tobytes(), int(label)) for image, label in zip(pixels, images.labels, strict=True))


def test_there_are_1297_training_and_500_test_images_of_1x8x8(digits: Dataset) -> None:
    assert (len(digits.training), len(digits.test)) == (1297, 500)
    assert digits.training.shape == digits.test.shape == (1, 8, 8)
    assert digits.test.class_names == tuple("0123456789")


def test_both_sets_together_are_sklearns_digits_with_16_grey_levels_spread_over_255(digits: Dataset) -> None:
    raw = datasets.load_digits()
    scaled = np.floor(raw.images / 16 * 255 + 0.5).astype(np.uint8)

    expected = Counter((image.tobytes(), int(label)) for image, label in zip(scaled, raw.target, strict=True))

    assert contents(digits.training) + contents(digits.test) == expected


def test_each_class_has_its_share_of_the_test_set(digits: Dataset) -> None:
    every_class = np.bincount(datasets.load_digits().target)

    tested = np.bincount(digits.test.labels, minlength=10)

    assert np.abs(tested - every_class * 500 / 1797).max() < 1


def test_the_split_is_the_same_on_every_call(digits: Dataset) -> None:
    np.random.seed(1)
    torch.manual_seed(1)

    again = load_dataset("digits")

    for first, second in ((digits.training, again.training), (digits.test, again.test)):
        indices = torch.arange(len(first))
        assert torch.equal(first.read(indices), second.read(indices))
        assert torch.equal(first.labels, second.labels)


def test_training_shifts_by_one_pixel_and_never_mirrors(digits: Dataset) -> None:
    assert digits.augmentation == Augmentation(crop_padding=1, horizontal_flip=False)
