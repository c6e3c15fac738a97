"""Initial weights for what a method adds to the student, drawn from a seed that follows from the student's own.

So the students of different seeds get different ones, the same student always the same, and the global random state is
left alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from robustkd.models import PixelModel, create_model


@contextmanager
def seeded_by(model: PixelModel, index: int = 0) -> Iterator[None]:
    """Seed the weights of modules built inside the context by the weights of a network.

    Args:
        model: The network.
        index: Tells several uses of one network apart.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(model.digest()[:8], 16) + index)
        yield


def twin(model: PixelModel, index: int) -> PixelModel:
    """Build a network of the same architecture with other initial weights.

    Args:
        model: A network of an architecture that timm knows.
        index: Tells several twins of one network apart.

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
            options=model.options,
        )
    return made.to(next(model.parameters()).device)
