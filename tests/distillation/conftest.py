import pytest
import torch

from robustkd.data import Augmentation, Dataset, load_dataset


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """A slice of the digits on which an epoch takes a fraction of a second."""
    whole = load_dataset("digits")
    train, test = whole.training.subset(torch.arange(200)), whole.test.subset(torch.arange(100))
    return Dataset("digits", train, test, Augmentation(crop_padding=1))
