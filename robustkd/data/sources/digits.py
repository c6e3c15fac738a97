"""`digits`: the 1,797 real 8×8 handwritten digits that ship with scikit-learn."""

from pathlib import Path

import numpy as np
import torch

from robustkd.data.augmentation import Augmentation
from robustkd.data.dataset import Dataset
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import DATASETS

TEST_IMAGES = 500


@DATASETS.register("digits")
def load_digits(path: str = "", root: Path | None = None) -> Dataset:
    """Load the digits with a fixed stratified split: 1,297 for training, 500 for testing.

    Grey levels 0 to 16 become 0 to 255. Training shifts the images by at most one pixel and never mirrors
    them, because a mirrored digit is no longer that digit.

    Args:
        path: Not used: the images come with scikit-learn.
        root: Not used.

    Returns:
        The data set; images are 1×8×8.
    """
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    digits = datasets.load_digits()
    images = torch.from_numpy(np.rint(digits.images * (255 / 16)).astype(np.uint8))[:, None]
    labels = torch.from_numpy(digits.target.astype(np.int64))
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, stratify=digits.target, random_state=0
    )
    names = tuple(str(digit) for digit in range(10))
    return Dataset(
        name="digits",
        train=ImageSet(images[train], labels[train], names),
        test=ImageSet(images[test], labels[test], names),
        augmentation=Augmentation(crop_padding=1),
    )
