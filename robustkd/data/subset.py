"""A part of a set of images in which the classes have the shares that they have in the whole."""

import torch

from robustkd.data.image_set import ImageSet
from robustkd.errors import DataError

SEED = 0
"""The seed of the draw: the same images in every study."""


def stratified_subset(images: ImageSet, count: int, called: str = "train_images") -> ImageSet:
    """Draw images without replacement, of each class in proportion to its size.

    A class of n of all N images gets ⌊count · n / N⌋ of them, and those with the largest remainders one more each, the
    lower class first where remainders are equal (Hare's method).

    Args:
        images: The set to draw from.
        count: The number of images to draw, at least one.
        called: The key that gave the count, for the error message.

    Returns:
        The drawn images in their original order.

    Raises:
        DataError: The set has fewer images.

    >>> import robustkd as rk
    >>> digits = rk.load_dataset("digits").training
    >>> stratified_subset(digits, 100).labels.bincount().tolist()
    [10, 10, 10, 10, 10, 10, 10, 10, 10, 10]
    """
    if not 1 <= count <= len(images):
        raise DataError(f"{called} must be from 1 to {len(images)}, the images of the set, got {count}")
    labels = images.labels.cpu()
    sizes = labels.bincount(minlength=images.num_classes).tolist()
    shares = [count * size // len(images) for size in sizes]
    remainders = [count * size % len(images) for size in sizes]
    largest = sorted(range(len(sizes)), key=lambda label: (-remainders[label], label))
    for label in largest[: count - sum(shares)]:
        shares[label] += 1
    generator = torch.Generator().manual_seed(SEED)
    drawn = []
    for label, share in enumerate(shares):
        members = torch.nonzero(labels == label)[:, 0]
        drawn.append(members[torch.randperm(len(members), generator=generator)[:share]])
    return images.subset(torch.cat(drawn).sort().values)
