from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Augmentation, Dataset, ImageSet
from robustkd.errors import DataError

NAMES = ("cat", "dog", "frog")


PIXELS = np.random.default_rng(0).integers(0, 256, (100, 3, 5, 4), dtype=np.uint8)


def random_images(count: int = 6) -> Tensor:
    """The same images on every call; fewer are the first of more."""
    return torch.from_numpy(PIXELS[:count].copy())


def image_set(count: int = 6, **changed: Any) -> ImageSet:
    arguments = {
        "images": random_images(count),
        "labels": torch.arange(count) % 3,
        "class_names": NAMES,
        **changed,
    }
    return ImageSet(**arguments)


class ImagesElsewhere:
    """Lazy images whose fingerprint is their content."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.images.shape)

    def read(self, indices: Tensor) -> Tensor:
        return self.images[indices]

    def subset(self, indices: Tensor) -> "ImagesElsewhere":
        return ImagesElsewhere(self.images[indices])

    def fingerprint(self) -> str:
        return self.images.numpy().tobytes().hex()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"images": random_images()[0]}, r"shape \(N, C, H, W\), got \(3, 5, 4\)"),
        ({"images": random_images().float()}, r"must be uint8, got torch\.float32"),
        ({"labels": torch.zeros(5).long()}, r"shape \(6,\), one for each image, got .* shape \(5,\)"),
        ({"labels": torch.zeros(6, 1).long()}, "one for each image"),
        ({"labels": torch.zeros(6).int()}, r"must be int64.*got torch\.int32"),
        ({"labels": torch.tensor([0, 1, 2, 3, 0, 1])}, "label 3 is out of range.*from 0 to 2"),
        ({"labels": torch.tensor([0, 1, 2, -1, 0, 1])}, "label -1 is out of range"),
        ({"images": random_images(0), "labels": torch.zeros(0).long()}, "at least one image"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        image_set(**changed)


def test_it_has_the_length_shape_and_classes_of_what_it_holds() -> None:
    images = image_set(labels=torch.zeros(6).long())

    assert (len(images), images.shape, images.num_classes) == (6, (3, 5, 4), 3)


def test_reading_gives_the_images_in_the_order_asked_for() -> None:
    images = random_images()

    assert torch.equal(image_set(images=images).read(torch.tensor([4, 0, 4])), images[[4, 0, 4]])


def test_pixels_are_the_images_divided_by_255() -> None:
    images = random_images()

    pixels = image_set(images=images).pixels(1, 3)

    assert pixels.dtype == torch.float32
    np.testing.assert_allclose(pixels, images[1:3].numpy() / 255.0, rtol=1e-7)


def test_pixels_beyond_the_last_image_are_left_out() -> None:
    assert len(image_set().pixels(4, 100)) == 2


def test_pixels_do_not_change_the_images() -> None:
    images = random_images()
    before = images.clone()

    image_set(images=images).pixels(0, 6).zero_()

    assert torch.equal(images, before)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_subset_holds_the_images_and_labels_in_the_order_given(lazy: bool) -> None:
    images = random_images()
    whole = image_set(images=ImagesElsewhere(images) if lazy else images)

    part = whole.subset(torch.tensor([5, 0, 2])).subset(torch.tensor([2, 0]))

    assert torch.equal(part.read(torch.arange(2)), images[[2, 5]])
    assert part.labels.tolist() == [2, 2]
    assert (len(part), part.shape, part.class_names) == (2, (3, 5, 4), NAMES)


def test_moving_a_lazy_set_leaves_its_images_where_they_are() -> None:
    lazy = ImagesElsewhere(random_images())

    assert image_set(images=lazy).to("cpu").images is lazy


@given(size=st.integers(1, 60), count=st.integers(1, 80), seed=st.integers(0, 2**31))
def test_a_sample_is_drawn_without_replacement_and_rises(size: int, count: int, seed: int) -> None:
    indices = image_set(size).sample_indices(count, seed)

    assert indices.dtype == torch.int64
    assert len(indices) == min(count, size)
    assert set(indices.tolist()) <= set(range(size))
    assert (indices.diff() > 0).all()


def test_a_sample_of_nothing_in_particular_is_everything() -> None:
    assert image_set(5).sample_indices(None).tolist() == [0, 1, 2, 3, 4]


def test_a_sample_depends_on_its_seed_alone() -> None:
    images = image_set(100)
    first = images.sample_indices(10, seed=3)
    torch.manual_seed(99)

    assert torch.equal(images.sample_indices(10, seed=3), first)
    assert not torch.equal(images.sample_indices(10, seed=4), first)


def test_every_image_is_equally_likely_to_be_sampled() -> None:
    images = image_set(10)

    drawn = torch.cat([images.sample_indices(3, seed) for seed in range(2_000)])

    five_sigma = 5 * np.sqrt(2_000 * 0.3 * 0.7)
    assert np.abs(np.bincount(drawn, minlength=10) - 600).max() < five_sigma


def test_sampling_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()

    image_set(100).sample_indices(10)

    assert torch.equal(torch.get_rng_state(), before)


@given(data=st.data())
def test_the_digest_changes_with_any_pixel(data: st.DataObject) -> None:
    images = random_images()
    position = tuple(data.draw(st.integers(0, size - 1)) for size in images.shape)
    changed = images.clone()
    changed[position] ^= data.draw(st.integers(1, 255))

    assert image_set(images=changed).digest != image_set(images=images).digest


@given(data=st.data())
def test_the_digest_changes_with_any_label(data: st.DataObject) -> None:
    labels = torch.arange(6) % 3
    changed = labels.clone()
    changed[data.draw(st.integers(0, 5))] += 1
    changed %= 3

    assert image_set(labels=changed).digest != image_set(labels=labels).digest


def test_the_digest_changes_with_the_order_of_the_images() -> None:
    images = image_set(labels=torch.zeros(6).long())

    assert images.subset(torch.tensor([1, 0, 2, 3, 4, 5])).digest != images.digest


def test_the_digest_changes_with_the_shape_of_the_images() -> None:
    images = random_images()

    assert image_set(images=images.reshape(6, 3, 4, 5)).digest != image_set(images=images).digest


@pytest.mark.parametrize(
    "same",
    [
        image_set(),
        image_set(class_names=("a", "b", "c", "d")),
        image_set(images=random_images().contiguous(memory_format=torch.channels_last)),
        image_set(images=torch.from_numpy(PIXELS[5::-1].copy()).flip(0)),
        image_set(12).subset(torch.arange(6)),
    ],
    ids=["built again", "other class names", "other memory layout", "reversed twice", "a subset"],
)
def test_the_digest_depends_on_pixels_and_labels_only(same: ImageSet) -> None:
    assert same.digest == image_set().digest


def test_the_digest_of_a_lazy_subset_depends_on_its_own_images_only() -> None:
    images = random_images()
    changed = images.clone()
    changed[5] ^= 1
    first_two = torch.tensor([0, 1])

    digests = [image_set(images=ImagesElsewhere(each)).subset(first_two).digest for each in (images, changed)]

    assert digests[0] == digests[1]


def test_the_digest_of_a_lazy_subset_changes_with_its_images() -> None:
    images = image_set(images=ImagesElsewhere(random_images()), labels=torch.zeros(6).long())

    assert images.subset(torch.tensor([0, 1])).digest != images.subset(torch.tensor([0, 2])).digest


def test_a_data_set_has_the_classes_of_both_its_sets() -> None:
    dataset = Dataset("mine", image_set(6), image_set(3))

    assert dataset.num_classes == 3
    assert dataset.training is dataset.train
    assert dataset.augmentation == Augmentation()


def test_sets_of_different_classes_make_no_data_set() -> None:
    with pytest.raises(DataError, match=r"mine: .*different classes"):
        Dataset("mine", image_set(), image_set(class_names=("cat", "frog", "dog")))


def test_sets_of_different_image_sizes_make_no_data_set() -> None:
    with pytest.raises(DataError, match=r"mine: training images are \(3, 5, 4\).*test images \(3, 5, 3\)"):
        Dataset("mine", image_set(), image_set(images=random_images()[..., :3]))


def test_a_data_set_without_training_images_says_so_when_asked_for_them() -> None:
    with pytest.raises(DataError, match="mine has no training images"):
        _ = Dataset("mine", None, image_set()).training


def test_the_digest_of_a_data_set_changes_with_either_set() -> None:
    dataset = Dataset("mine", image_set(6), image_set(3))

    assert replace(dataset, name="other", augmentation=Augmentation(4)).digest == dataset.digest
    assert replace(dataset, train=image_set(5)).digest != dataset.digest
    assert replace(dataset, train=None).digest != dataset.digest
    assert replace(dataset, test=image_set(4)).digest != dataset.digest


def test_a_pixel_is_one_of_256_values_whatever_divides_it() -> None:
    """Float64 division, rounded once, is the value nearest to k/255; every device must give that one."""
    from robustkd.data.image_set import pixel_table, to_pixels

    nearest = (np.arange(256, dtype=np.float64) / 255).astype(np.float32)

    assert np.array_equal(pixel_table().numpy(), nearest)
    assert np.array_equal(to_pixels(torch.arange(256, dtype=torch.uint8)).numpy(), nearest)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_pixel_has_the_same_bits_on_every_device() -> None:
    from robustkd.data.image_set import to_pixels

    values = torch.arange(256, dtype=torch.uint8)

    assert torch.equal(to_pixels(values.cuda()).cpu(), to_pixels(values))


def test_images_are_described_by_number_classes_and_size() -> None:
    images = ImageSet(torch.zeros(3, 1, 2, 4, dtype=torch.uint8), torch.tensor([0, 1, 1]), ("a", "b"))

    assert repr(images) == "ImageSet(3 images, 2 classes, 1×2×4)"


def test_images_of_a_part_know_their_place_in_the_whole() -> None:
    part = image_set().subset(torch.tensor([5, 3, 1, 0]))

    assert image_set().origins is None
    assert part.origins is not None
    assert part.origins.tolist() == [5, 3, 1, 0]
    assert part.subset(torch.tensor([2, 0])).origins.tolist() == [1, 5]


def test_groups_stay_with_their_images_and_do_not_change_the_digest() -> None:
    grouped = image_set(groups=("a", "b", "", "a", "b", ""))

    assert grouped.subset(torch.tensor([4, 2])).groups == ("b", "")
    assert grouped.digest == image_set().digest
    with pytest.raises(DataError, match="groups must be 6 names, one for each image, got 2"):
        image_set(groups=("a", "b"))
