from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from robustkd.data import ImageSet, load_dataset
from robustkd.data.image_random import image_generators
from robustkd.data.image_set import StreamedImages
from robustkd.data.transformed import transformed
from robustkd.errors import DataError

COUNT = 12


def image_set(channels: int = 3, seed: int = 0) -> ImageSet:
    pixels = np.random.default_rng(seed).integers(0, 256, (COUNT, channels, 5, 4), dtype=np.uint8)
    return ImageSet(torch.from_numpy(pixels), torch.arange(COUNT) % 3, ("a", "b", "c"))


def on_disk(folder: Path) -> ImageSet:
    for index, pixels in enumerate(image_set().read(torch.arange(COUNT)).permute(0, 2, 3, 1).numpy()):
        file = folder / "abc"[index % 3] / f"{index:04}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(file)
    return load_dataset(f"folder:{folder}").test


def noisy(images: Tensor, indices: Tensor) -> Tensor:
    """Add noise of each image's own, modulo 256."""
    drawn = [
        generator.integers(0, 256, images.shape[1:], np.uint8) for generator in image_generators(7, indices.tolist())
    ]
    return images + torch.from_numpy(np.stack(drawn)).to(images.device)


def expected(images: ImageSet) -> Tensor:
    """All images with that noise, computed at once."""
    return noisy(images.read(torch.arange(len(images))), torch.arange(len(images)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_images_do_not_depend_on_the_batch_that_they_are_read_in(channels: int, batch_size: int) -> None:
    images = image_set(channels)

    made = transformed(images, "noise", noisy)

    assert torch.equal(torch.cat(list(made.read_batches(batch_size))), expected(images))
    assert (made.shape, made.class_names) == (images.shape, images.class_names)
    assert torch.equal(made.labels, images.labels)


@pytest.mark.parametrize("workers", [0, 1])
def test_images_on_disk_are_streamed(tmp_path: Path, workers: int) -> None:
    images = on_disk(tmp_path)

    made = transformed(images, "noise", noisy).with_workers(workers)

    assert isinstance(made.images, StreamedImages)
    assert torch.equal(torch.cat(list(made.read_batches(5))), expected(images))
    pixels = torch.cat(list(made.pixel_batches(5)))
    assert torch.equal(pixels, expected(images) / 255)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_images_on_a_gpu_are_transformed_there() -> None:
    images = image_set()

    made = transformed(images.to("cuda"), "noise", noisy)

    read = made.read(torch.arange(COUNT))
    assert read.device.type == "cuda"
    assert torch.equal(read.cpu(), expected(images))
    assert made.digest == transformed(images, "noise", noisy).digest


@given(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=20), st.data())
def test_a_subset_holds_the_images_that_the_whole_set_holds(chosen: list[int], drawn: Any) -> None:
    whole, places = transformed(image_set(), "noise", noisy), torch.tensor(chosen)
    again = torch.tensor(drawn.draw(st.lists(st.integers(0, len(chosen) - 1), min_size=1, max_size=20)))

    part = whole.subset(places).subset(again)

    assert torch.equal(part.read(torch.arange(len(part))), whole.read(places[again]))
    assert torch.equal(part.labels, whole.labels[places[again]])


def test_a_sample_gets_the_indices_that_it_names() -> None:
    images, places = image_set(), torch.tensor([7, 2, 9])

    sample = transformed(images.subset(places), "noise", noisy, indices=places)

    assert torch.equal(sample.read(torch.arange(3)), expected(images)[places])


def test_a_transform_may_change_channels_and_size() -> None:
    made = transformed(image_set(), "first row, grey", lambda images, indices: images[:, :1, :1])

    assert made.shape == (1, 1, 4)


def changes() -> dict[str, Callable[[ImageSet], ImageSet]]:
    """What makes other images of a set."""
    return {
        "images": lambda images: transformed(image_set(seed=1), "noise", noisy, [1]),
        "labels": lambda images: transformed(replace(images, labels=images.labels.flip(0)), "noise", noisy, [1]),
        "name": lambda images: transformed(images, "other noise", noisy, [1]),
        "settings": lambda images: transformed(images, "noise", noisy, [2]),
        "indices": lambda images: transformed(images, "noise", noisy, [1], torch.arange(COUNT).flip(0)),
        "subset": lambda images: transformed(images, "noise", noisy, [1]).subset(torch.arange(COUNT).flip(0)),
        "no transform": lambda images: images,
    }


@pytest.mark.parametrize("change", changes())
def test_what_makes_other_images_makes_another_digest(change: str) -> None:
    images = image_set()

    digests = [transformed(images, "noise", noisy, [1]).digest for _ in range(2)]

    assert digests[0] == digests[1]
    assert changes()[change](images).digest != digests[0]


def test_the_digest_is_known_without_computing_the_images() -> None:
    computed: list[int] = []

    def counting(images: Tensor, indices: Tensor) -> Tensor:
        computed.extend(indices.tolist())
        return images

    made = transformed(image_set(), "counting", counting)

    assert len(made.digest) == 64
    assert computed == [0]  # the first image tells the shape


@pytest.mark.parametrize("place", ["memory", "disk"])
def test_in_memory_they_are_computed_once_and_have_the_same_digest(tmp_path: Path, place: str) -> None:
    images = image_set() if place == "memory" else on_disk(tmp_path)
    lazy, chosen = transformed(images, "noise", noisy), torch.tensor([3, 1])

    held = lazy.in_memory()

    assert torch.equal(held.read(torch.arange(COUNT)), expected(images))
    assert torch.equal(held.subset(chosen).read(torch.arange(2)), expected(images)[chosen])
    assert (held.digest, held.subset(chosen).digest) == (lazy.digest, lazy.subset(chosen).digest)
    assert held.in_memory().images is held.images


@pytest.mark.parametrize(
    "wrong",
    [
        lambda images, indices: images.float(),
        lambda images, indices: images[:, 0],
        lambda images, indices: images.repeat(2, 1, 1, 1),
    ],
)
def test_a_transform_that_does_not_return_as_many_images_is_refused(wrong: Callable) -> None:
    with pytest.raises(
        DataError, match=r"the transform wrong must return an image for each of 1, uint8 \(B, C, H, W\), got"
    ):
        transformed(image_set(), "wrong", wrong)
