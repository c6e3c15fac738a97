"""The images besides the test images on which predictions are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robustkd.errors import DataError
from robustkd.evaluations.fidelity.options import FidelityOptions

if TYPE_CHECKING:
    from robustkd.data import Dataset, ImageSet


def training_sample(options: FidelityOptions, data: Dataset) -> ImageSet | None:
    """Return some of the images that the networks were trained on; None where there are none, or none are asked for.

    Args:
        options: The options.
        data: The data set, with its condition.
    """
    if data.train is None or not options.train_images:
        return None
    used = data.trained_on()
    chosen = used.images.sample_indices(options.train_images, options.seed)
    # with their original labels, so that predictions are shared with evaluations that see all training images
    return data.train.subset(used.indices[chosen])


def further_set(name: str, options: FidelityOptions, data: Dataset) -> tuple[ImageSet | None, tuple[str, ...]]:
    """Load a further data set in the form of the test images.

    Args:
        name: Its name.
        options: The options.
        data: The data set whose test images it is brought into the form of.

    Returns:
        The images and notes; no images where it cannot be used, with a note that says why.
    """
    from robustkd.data.other_sets import other_set

    try:
        found = other_set(name, data, options.root)
    except DataError as error:
        return None, (f"Agreement is not measured on a further set: {error}",)
    chosen = found.images.sample_indices(options.images, options.seed)
    return found.images.subset(chosen), found.notes
