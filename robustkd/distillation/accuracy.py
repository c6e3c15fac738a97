"""The accuracy of a network."""

import torch
from torch import Tensor

from robustkd.data import ImageSet
from robustkd.models import PixelModel

EVALUATION_BATCH_SIZE = 512


def accuracy(model: PixelModel, images: ImageSet, device: torch.device | str = "cpu") -> float:
    """Return the share of images that a model classifies correctly, in evaluation mode.

    Args:
        model: The model; its mode is restored.
        images: The images to classify.
        device: The device of the model.

    Returns:
        0 to 1.
    """
    return int(count_correct(model, images, device)) / len(images)


@torch.no_grad()
def count_correct(model: PixelModel, images: ImageSet, device: torch.device | str = "cpu") -> Tensor:
    """Count the images that a model classifies correctly, in evaluation mode, without waiting for the device.

    Args:
        model: The model; its mode is restored.
        images: The images to classify.
        device: The device of the model.

    Returns:
        int64 (), on the device.
    """
    training = model.training
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=device)
    for start in range(0, len(images), EVALUATION_BATCH_SIZE):
        stop = start + EVALUATION_BATCH_SIZE
        predicted = model(images.pixels(start, stop, device)).argmax(1)
        correct += (predicted == images.labels[start:stop].to(device)).sum()
    model.train(training)
    return correct
