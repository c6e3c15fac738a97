import pytest
import torch

from robustkd.data import ImageSet
from robustkd.data.subset import stratified_subset
from robustkd.errors import DataError


def images(*sizes: int) -> ImageSet:
    """Each image holds its own place, so that one can see which were drawn."""
    count = sum(sizes)
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    pixels = torch.arange(count, dtype=torch.uint8)[:, None, None, None]
    return ImageSet(pixels, labels[torch.randperm(count, generator=torch.Generator().manual_seed(1))], ("a", "b", "c"))


@pytest.mark.parametrize(
    ("sizes", "count", "expected"),
    [
        ((20, 20, 20), 30, [10, 10, 10]),
        ((20, 20, 20), 31, [11, 10, 10]),  # the remainders are equal: the lower class first
        ((50, 30, 20), 10, [5, 3, 2]),
        ((50, 30, 20), 11, [6, 3, 2]),  # 5.5, 3.3, 2.2
        ((60, 0, 1), 61, [60, 0, 1]),
    ],
)
def test_each_class_keeps_its_share(sizes: tuple[int, ...], count: int, expected: list[int]) -> None:
    assert stratified_subset(images(*sizes), count).labels.bincount(minlength=3).tolist() == expected


def test_images_keep_their_order_and_their_labels() -> None:
    whole = images(20, 20, 20)

    drawn = stratified_subset(whole, 17)

    places = drawn.images[:, 0, 0, 0].long()
    assert (places.diff() > 0).all()
    assert torch.equal(whole.labels[places], drawn.labels)


def test_the_same_images_are_drawn_again_regardless_of_the_global_seed() -> None:
    torch.manual_seed(3)

    assert stratified_subset(images(9, 9, 9), 10).digest == stratified_subset(images(9, 9, 9), 10).digest


@pytest.mark.parametrize("count", [0, 61])
def test_a_count_that_cannot_be_drawn_is_refused(count: int) -> None:
    with pytest.raises(DataError, match=f"from 1 to 60, the images of the set, got {count}"):
        stratified_subset(images(20, 20, 20), count)
