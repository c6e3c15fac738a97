"""Training sets whose classes are all of one size, by images that occur several times or not at all.

The draw is that of imbalanced-learn with seed `SPLIT_SEED`: the same for all networks that are trained on the same
images, whatever their training seeds.
"""

from collections.abc import Sequence

import numpy as np
import torch

from robustkd.data import ImageSet
from robustkd.distillation.recipe import Resampling
from robustkd.distillation.selection import SPLIT_SEED


def resample(images: ImageSet, resampling: Resampling) -> ImageSet:
    """Bring all classes that have images to one number of images.

    Args:
        images: The training images, with the labels that are trained on.
        resampling: ``over`` keeps every image and draws further ones from each class, with replacement, until it has as
            many as the largest; they come after the others. ``under`` draws as many images from each class as the
            smallest has, without replacement, and keeps their order. ``none`` changes nothing.

    Returns:
        The images to train on; a place in them is a place in the resampled set.
    """
    labels = images.labels.cpu().numpy()
    if resampling == "none" or len(np.unique(labels)) < 2:  # imbalanced-learn refuses a single class
        return images
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import RandomUnderSampler

    sampler = (RandomOverSampler if resampling == "over" else RandomUnderSampler)(random_state=SPLIT_SEED)
    # it refuses images, so it is given their numbers
    sampler.fit_resample(np.arange(len(labels)).reshape(-1, 1), labels)
    chosen = np.asarray(sampler.sample_indices_, dtype=np.int64)
    return images.subset(torch.from_numpy(chosen if resampling == "over" else np.sort(chosen)))


def resampled_count(counts: Sequence[int], resampling: Resampling) -> int:
    """Return the number of images of a resampled training set.

    Args:
        counts: The number of images of each class before; classes without images stay without.
        resampling: As for `resample`.

    >>> [resampled_count([5, 2, 0], resampling) for resampling in ("none", "over", "under")]
    [7, 10, 4]
    """
    present = [count for count in counts if count]
    if resampling == "none" or not present:
        return sum(present)
    return len(present) * (max(present) if resampling == "over" else min(present))
