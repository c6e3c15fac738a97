import gc
import weakref

import torch

from robustkd.data import ImageSet
from robustkd.data.shared_memory import moved, selected


def images(count: int = 6) -> ImageSet:
    pixels = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(count, 1, 2, 2).clone()
    return ImageSet(pixels, torch.arange(count) % 2, ("a", "b"))


def test_equal_subsets_of_images_share_their_memory() -> None:
    whole = images()

    first, second = whole.subset(torch.tensor([4, 1])), whole.subset(torch.tensor([4, 1]))

    assert first.images is second.images
    assert first.images[:, 0, 0, 0].tolist() == [4, 1]
    assert first.labels.tolist() == [0, 1]


def test_other_subsets_do_not() -> None:
    whole = images()

    first, second = whole.subset(torch.tensor([4, 1])), whole.subset(torch.tensor([1, 4]))

    assert second.images[:, 0, 0, 0].tolist() == [1, 4]
    assert first.images is not second.images


def test_all_images_in_their_order_are_no_copy() -> None:
    whole = images()

    assert whole.subset(torch.arange(6)).images is whole.images
    assert whole.subset(torch.arange(5)).images is not whole.images


def test_a_device_holds_one_copy_for_everyone() -> None:
    tensor = torch.zeros(3)

    assert moved(tensor, "meta") is moved(tensor, "meta")
    assert moved(tensor, "cpu") is tensor


def test_a_copy_is_forgotten_with_its_last_user() -> None:
    tensor = torch.arange(4)
    copy = selected(tensor, torch.tensor([0, 2]))
    seen = weakref.ref(copy)

    del copy
    gc.collect()

    assert seen() is None
    assert selected(tensor, torch.tensor([0, 2])).tolist() == [0, 2]
