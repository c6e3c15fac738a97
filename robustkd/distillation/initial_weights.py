"""Initial weights for the modules that a method adds to the student.

They are drawn with a seed derived from the student's own weights: students with different seeds get different weights,
the same student always gets the same ones, and the global random state does not change.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from robustkd.models import PixelModel, create_model


@contextmanager
def seeded_by(model: PixelModel, index: int = 0) -> Iterator[None]:
    """Draw the weights of modules that are built inside the context with a seed derived from a network's weights.

    Args:
        model: The network.
        index: A number that distinguishes several uses of one network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(model.digest()[:8], 16) + index)
        yield


def twin(model: PixelModel, index: int) -> PixelModel:
    """Build a network of the same architecture with other initial weights.

    Args:
        model: A network of an architecture that timm knows.
        index: A number that distinguishes several twins of one network.

    Returns:
        The twin, on the same device, in training mode.

    Raises:
        ModelError: timm does not know the architecture.
    """
    with seeded_by(model, index):
        made = create_model(
            model.architecture,
            num_classes=model.num_classes or 0,
            in_chans=getattr(model.module, "in_chans", 3),
            mean=model.mean.flatten().tolist() if model.normalises else None,
            std=model.std.flatten().tolist() if model.normalises else None,
            image_size=model.image_size,
            channel_order=model.channel_order,
            options=model.options,
        )
    return made.to(next(model.parameters()).device)
