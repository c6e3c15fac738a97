"""A sample of images that is read again and again."""

from torch import Tensor

from robustkd.data.image_set import ImageSet
from robustkd.data.transformed import held


def sampled(images: ImageSet, count: int | None, seed: int) -> tuple[ImageSet, Tensor]:
    """Draw images without replacement, and keep those on disk in memory where they fit (`held`).

    Args:
        images: The images.
        count: The number of images; None, or more than there are, for all.
        seed: The seed of the draw.

    Returns:
        The sample in the order of the set, and the indices of its images, int64 (N,).
    """
    places = images.sample_indices(count, seed)
    return held(images.subset(places)), places
