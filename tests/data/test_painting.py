from dataclasses import replace

import numpy as np
import pytest
import torch

from robustkd.data import ImageSet
from robustkd.data.painting import Painting
from robustkd.data.transformed import transformed

PATTERNS = np.stack([np.full((3, 4, 4), 200), np.full((3, 4, 4), 7)]).astype(np.uint8)
MASKS = np.zeros((2, 4, 4), dtype=np.bool_)
MASKS[0, 0, 0] = MASKS[1, 3] = True


def images(count: int = 5) -> ImageSet:
    pixels = torch.full((count, 3, 4, 4), 100, dtype=torch.uint8)
    return ImageSet(pixels, torch.zeros(count, dtype=torch.int64), ("a", "b"))


def on_disk(whole: ImageSet) -> ImageSet:
    """The same images, read when they are needed."""
    return transformed(whole, "nothing", lambda pixels, places: pixels)


CHOSEN = np.array([0, -1, 1, 0, -1])


@pytest.mark.parametrize("lazy", [False, True])
def test_each_image_gets_its_pattern_where_the_mask_covers_it(lazy: bool) -> None:
    whole = on_disk(images()) if lazy else images()

    painted = Painting(PATTERNS, MASKS, CHOSEN).on(whole).read(torch.arange(5)).numpy()

    expected = np.full((5, 3, 4, 4), 100)
    expected[[0, 3], :, 0, 0] = 200
    expected[2, :, 3] = 7
    np.testing.assert_array_equal(painted, expected)


def test_the_given_images_do_not_change() -> None:
    whole = images()

    Painting(PATTERNS, MASKS, CHOSEN).on(whole)

    assert bool((whole.images == 100).all())


def test_a_part_of_painted_images_keeps_its_patterns() -> None:
    painted = Painting(PATTERNS, MASKS, CHOSEN).on(on_disk(images()))

    assert painted.subset(torch.tensor([2, 1])).read(torch.tensor([0])).unique().tolist() == [7, 100]


@pytest.mark.parametrize("changed", [{"chosen": CHOSEN[::-1].copy()}, {"patterns": PATTERNS + 1}, {"masks": ~MASKS}])
def test_all_that_determines_the_pixels_is_in_the_digest(changed: dict[str, np.ndarray]) -> None:
    painting = Painting(PATTERNS, MASKS, CHOSEN)

    assert replace(painting, **changed).digest != painting.digest
    assert Painting(PATTERNS, MASKS, CHOSEN.astype(np.int32)).digest == painting.digest
