from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robustkd.data import ImageSet, load_dataset
from robustkd.data.alterations.alteration import altered
from robustkd.data.alterations.corrupted import corrupted
from robustkd.data.corruptions import corrupt
from robustkd.data.first_images import LONGEST, first_images
from robustkd.data.sampled import sampled


def image_set(count: int = 10, side: int = 8) -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    return ImageSet(torch.from_numpy(pixels), torch.arange(count) % 2, ("a", "b"))


@pytest.mark.parametrize("count", [4, 10, None])
def test_a_sample_is_drawn_with_its_places(count: int | None) -> None:
    images = image_set()

    sample, places = sampled(images, count, seed=1)

    assert len(sample) == len(places) == (count or 10)
    assert torch.equal(places, places.unique())
    assert torch.equal(sample.read(torch.arange(len(sample))), images.read(places))
    assert torch.equal(sample.labels, images.labels[places])


def test_a_sample_of_images_on_disk_is_decoded_once(tmp_path: Path) -> None:
    for index, pixels in enumerate(image_set().read(torch.arange(10)).permute(0, 2, 3, 1).numpy()):
        (tmp_path / "ab"[index % 2]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "ab"[index % 2] / f"{index}.png")
    images = load_dataset(f"folder:{tmp_path}").test

    sample, places = sampled(images, 5, seed=0)

    assert sample.digest == images.subset(places).digest
    first = sample.read(torch.arange(5))
    for file in tmp_path.rglob("*.png"):
        file.unlink()
    assert torch.equal(sample.read(torch.arange(5)), first)


def test_the_first_images_are_kept_as_they_are() -> None:
    images = image_set()

    found = first_images(images, 3)

    np.testing.assert_array_equal(found, images.read(torch.arange(3)).permute(0, 2, 3, 1))
    assert len(first_images(images, 99)) == 10


def test_large_images_are_averaged_to_the_longest_side_that_is_kept() -> None:
    images = image_set(2, 2 * LONGEST)

    found = first_images(images, 2)

    blocks = images.read(torch.arange(2)).double().reshape(2, 3, LONGEST, 2, LONGEST, 2).mean(dim=(3, 5))
    assert found.shape == (2, LONGEST, LONGEST, 3)
    assert np.abs(found - blocks.permute(0, 2, 3, 1).numpy()).max() <= 0.51


def test_a_corruption_is_that_of_its_name_and_place() -> None:
    images, places = image_set(), torch.tensor([8, 3])

    found = altered(images.subset(places), corrupted("gaussian_noise", 2, seed=4), places)

    assert torch.equal(found.read(torch.arange(2)), corrupt(images.read(places), "gaussian_noise", 2, 4, [8, 3]))
