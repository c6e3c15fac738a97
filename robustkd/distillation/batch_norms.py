"""The batch normalisation layers of a network, and their statistics."""

from collections.abc import Iterator

import torch
from torch import nn

from robustkd.data import ImageSet

BATCH_SIZE = 250
"""The number of images in a batch whose mean and variance are taken."""

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.SyncBatchNorm


def batch_norms(network: nn.Module) -> Iterator[BatchNorm]:
    """Yield the layers of a network that normalise by the statistics of a batch."""
    for module in network.modules():
        if isinstance(module, BatchNorm):
            yield module


@torch.no_grad()
def estimate_statistics(network: nn.Module, images: ImageSet, device: torch.device | str) -> None:
    """Set means and variances of batch normalisation to their averages over the batches of one pass over images.

    Args:
        network: The network, on the device; its mode is restored.
        images: The images.
        device: The device.
    """
    layers = [layer for layer in batch_norms(network) if layer.running_mean is not None]
    before = [layer.momentum for layer in layers]
    training = network.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the average over all batches
    network.train()
    for start in range(0, len(images), BATCH_SIZE):
        network(images.pixels(start, start + BATCH_SIZE, device))
    network.train(training)
    for layer, momentum in zip(layers, before, strict=True):
        layer.momentum = momentum
