import numpy as np
import pytest
import torch

from robustkd.data import Clean, ImageSet
from robustkd.data.conditions.spurious import Spurious, border_colours
from robustkd.errors import DataError


def images(count: int = 3000, classes: int = 4) -> ImageSet:
    pixels = torch.full((count, 1, 5, 6), 100, dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % classes, tuple("abcdefgh"[:classes]))


def borders(condition: Spurious) -> tuple[np.ndarray, np.ndarray]:
    """The class of each border (−1 for none), and the labels."""
    seen = condition.apply(images(), 0).images
    corner = seen.images[:, 0, 0, 0].numpy()
    levels = {100: -1, 0: 0, 85: 1, 170: 2, 255: 3}
    return np.array([levels[level] for level in corner.tolist()]), seen.labels.numpy()


def test_the_border_is_all_around_and_nothing_else_changes() -> None:
    seen = Spurious(rate=1.0).apply(images(4), 0).images.images[:, 0].numpy()

    expected = np.repeat(np.array([0, 85, 170, 255])[:, None, None], 5, axis=1).repeat(6, axis=2)
    expected[:, 1:-1, 1:-1] = 100
    np.testing.assert_array_equal(seen, expected)


def test_the_asked_shares_of_images_have_a_border_and_one_of_their_class() -> None:
    border, labels = borders(Spurious(rate=0.6, agreement=0.8))

    bordered = border >= 0
    assert bordered.mean() == pytest.approx(0.6, abs=0.03)  # three standard deviations of 3,000 draws
    assert (border == labels)[bordered].mean() == pytest.approx(0.8, abs=0.03)


def test_a_border_that_disagrees_is_that_of_any_other_class() -> None:
    border, labels = borders(Spurious(rate=1.0, agreement=0.0))

    assert not (border == labels).any()
    shift = np.bincount((border - labels) % 4, minlength=4)
    assert shift[0] == 0
    assert shift[1:] / 3000 == pytest.approx(np.full(3, 1 / 3), abs=0.03)


def test_every_class_has_its_own_colour() -> None:
    assert border_colours(3, 3).tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert border_colours(3, 1).tolist() == [[0], [128], [255]]
    assert len(np.unique(border_colours(100, 3), axis=0)) == 100


def test_only_the_teacher_sees_borders_unless_all_do() -> None:
    assert isinstance(Spurious().for_role("student"), Clean)
    assert isinstance(Spurious().for_role("teacher"), Spurious)
    assert isinstance(Spurious(marked="all").for_role("baseline"), Spurious)


def test_conditions_that_differ_have_different_labels() -> None:
    different = [
        Spurious(),
        Spurious(rate=1.0),
        Spurious(agreement=0.9),
        Spurious(width=2),
        Spurious(marked="all"),
        Spurious(seed=1),
    ]

    assert len({condition.label for condition in different}) == len(different)


def test_what_does_not_fit_the_images_is_refused() -> None:
    with pytest.raises(DataError, match="a border of 3 pixels leaves nothing of 6×5 images"):
        Spurious(width=3).apply(images(4), 0)
    with pytest.raises(DataError, match="two or more"):
        Spurious().apply(images(4, classes=1), 0)
