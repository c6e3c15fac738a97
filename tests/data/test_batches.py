from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from robustkd.data import Augmentation, Batch, Dataset, ImageSet, TrainingBatches, load_dataset
from robustkd.data.augmentation import CIFAR_AUGMENTATION
from robustkd.errors import DataError

NO_AUGMENTATION = Augmentation()


def numbered_images(count: int, size: int = 8) -> ImageSet:
    """Image i has the value i everywhere, and the label i % 3."""
    values = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)
    return ImageSet(values.expand(count, 1, size, size).clone(), torch.arange(count) % 3, ("a", "b", "c"))


def random_images(count: int) -> ImageSet:
    pixels = torch.randint(256, (count, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % 2, ("a", "b"))


def numbers(batch: Batch) -> list[int]:
    return (batch.pixels[:, 0, 0, 0] * 255).round().int().tolist()


def same(first: Sequence[Batch], second: Sequence[Batch]) -> bool:
    return all(
        torch.equal(a.pixels, b.pixels) and torch.equal(a.labels, b.labels) for a, b in zip(first, second, strict=True)
    )


@given(count=st.integers(1, 200), batch_size=st.integers(1, 64), seed=st.integers(0, 2**31))
def test_an_epoch_shows_every_image_exactly_once(count: int, batch_size: int, seed: int) -> None:
    batches = TrainingBatches(numbered_images(count), batch_size, NO_AUGMENTATION, seed)

    shown = [number for batch in batches.epoch() for number in numbers(batch)]

    assert sorted(shown) == list(range(count))


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"), [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (3, 128, [3]), (1, 1, [1])]
)
def test_the_last_partial_batch_is_kept_and_counted(count: int, batch_size: int, sizes: list[int]) -> None:
    batches = TrainingBatches(numbered_images(count), batch_size, NO_AUGMENTATION, seed=0)

    assert [len(batch.labels) for batch in batches.epoch()] == sizes
    assert len(batches) == len(sizes)


def test_labels_stay_with_their_images() -> None:
    for batch in TrainingBatches(numbered_images(50), 16, CIFAR_AUGMENTATION, seed=0).epoch():
        assert batch.labels.dtype == torch.int64
        assert batch.labels.tolist() == [number % 3 for number in numbers(batch)]


def test_indices_are_the_places_of_the_images_in_the_training_set() -> None:
    batches = TrainingBatches(numbered_images(50), 16, CIFAR_AUGMENTATION, seed=0)

    for batch in (*batches.epoch(), *batches.epoch()):
        assert batch.indices.dtype == torch.int64
        assert batch.indices.tolist() == numbers(batch)


def test_pixels_are_float32_from_0_to_1() -> None:
    images = ImageSet(torch.tensor([0, 51, 255], dtype=torch.uint8).view(3, 1, 1, 1), torch.zeros(3).long(), ("a",))

    (batch,) = TrainingBatches(images, 3, NO_AUGMENTATION, seed=0).epoch()

    assert batch.pixels.dtype == torch.float32
    assert sorted(batch.pixels.flatten().tolist()) == pytest.approx([0.0, 0.2, 1.0], abs=1e-7)


def test_the_order_is_shuffled() -> None:
    (batch,) = TrainingBatches(numbered_images(100), 100, NO_AUGMENTATION, seed=0).epoch()

    assert numbers(batch) != list(range(100))


def test_the_same_seed_gives_the_same_batches_whatever_else_draws_random_numbers() -> None:
    first = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=7)
    second = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=7)

    torch.manual_seed(1)
    undisturbed = [batch for _ in range(2) for batch in first.epoch()]
    torch.manual_seed(2)
    disturbed = []
    for _ in range(2):
        for batch in second.epoch():
            torch.rand(5)
            np.random.rand(5)
            disturbed.append(batch)

    assert same(undisturbed, disturbed)


def test_batches_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()

    list(TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=7).epoch())

    assert torch.equal(torch.get_rng_state(), before)


def test_different_epochs_differ() -> None:
    batches = TrainingBatches(numbered_images(100), 100, NO_AUGMENTATION, seed=0)

    (first,), (second,) = batches.epoch(), batches.epoch()

    assert numbers(first) != numbers(second)


def test_different_seeds_differ() -> None:
    (first,) = TrainingBatches(numbered_images(100), 100, NO_AUGMENTATION, seed=0).epoch()
    (second,) = TrainingBatches(numbered_images(100), 100, NO_AUGMENTATION, seed=1).epoch()

    assert numbers(first) != numbers(second)


def test_the_batch_size_changes_neither_order_nor_augmentation() -> None:
    def pixels(batch_size: int) -> torch.Tensor:
        batches = TrainingBatches(random_images(30), batch_size, CIFAR_AUGMENTATION, seed=0)
        return torch.cat([batch.pixels for batch in batches.epoch()])

    assert torch.equal(pixels(4), pixels(30))


def test_an_epoch_left_early_does_not_change_the_next() -> None:
    whole = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=0)
    left = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=0)

    list(whole.epoch())
    next(left.epoch())

    assert same(list(whole.epoch()), list(left.epoch()))


def test_the_generators_state_determines_the_epochs_to_come() -> None:
    first = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=0)
    second = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=1)
    list(first.epoch())

    second.generator.set_state(first.generator.get_state())

    assert same(list(first.epoch()), list(second.epoch()))


def test_the_batch_size_may_change_between_epochs() -> None:
    batches = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=0)
    list(batches.epoch())

    batches.batch_size = 16

    assert [len(batch.labels) for batch in batches.epoch()] == [16, 14]


@pytest.mark.parametrize("padding", [8, 9])
def test_padding_as_large_as_the_images_is_refused(padding: int) -> None:
    with pytest.raises(DataError, match=f"smaller than the images .8×8., got {padding}"):
        TrainingBatches(numbered_images(4), 2, Augmentation(crop_padding=padding), seed=0)


def test_the_largest_padding_that_reflects_is_accepted() -> None:
    batches = TrainingBatches(numbered_images(4), 2, Augmentation(crop_padding=7), seed=0)

    assert sorted(number for batch in batches.epoch() for number in numbers(batch)) == [0, 1, 2, 3]


def test_images_on_disk_are_read_batch_by_batch(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for split in ("train", "test"):
            (tmp_path / split / label).mkdir(parents=True)
            for index in range(3):
                grey = np.full((4, 4), 100 * (label == "b") + index, np.uint8)
                Image.fromarray(grey).save(tmp_path / split / label / f"{index}.png")
    images = load_dataset(f"folder:{tmp_path}").training

    batches = list(TrainingBatches(images, 4, NO_AUGMENTATION, seed=0).epoch())

    shown = [
        (number, int(label)) for batch in batches for number, label in zip(numbers(batch), batch.labels, strict=True)
    ]
    assert sorted(shown) == [(0, 0), (1, 0), (2, 0), (100, 1), (101, 1), (102, 1)]


def test_real_images_come_as_windows_of_themselves_padded_by_reflection(cifar10: Dataset) -> None:
    images = cifar10.training.subset(torch.arange(12))
    padded = np.pad(images.read(torch.arange(12)).numpy(), ((0, 0), (0, 0), (4, 4), (4, 4)), mode="reflect")
    windows = {
        image[:, top : top + 32, left : left + 32][:, :, ::step].tobytes(): number
        for number, image in enumerate(padded)
        for top in range(9)
        for left in range(9)
        for step in (1, -1)
    }

    (batch,) = TrainingBatches(images, 12, cifar10.augmentation, seed=0).epoch()

    shown = (batch.pixels * 255).round().to(torch.uint8).contiguous().numpy()
    assert sorted(windows[pixels.tobytes()] for pixels in shown) == list(range(12))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_does_not_change_the_batches() -> None:
    on_cpu = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=0)
    on_gpu = TrainingBatches(random_images(30), 8, CIFAR_AUGMENTATION, seed=0, device="cuda")

    moved = [Batch(batch.pixels.cpu(), batch.labels.cpu()) for batch in on_gpu.epoch()]

    assert same(list(on_cpu.epoch()), moved)
