"""A twin of a network: the same architecture, other initial weights."""

from robustkd.models import PixelModel, create_model


def twin(model: PixelModel, index: int) -> PixelModel:
    """Build a network like another one.

    Its weights are drawn from a seed of their own that follows from the weights of the first: networks of another
    training seed have other twins, and the global random state is left alone.

    Args:
        model: A network of an architecture that timm knows.
        index: Tells several twins of one network apart.

    Returns:
        The twin, on the same device, in training mode.

    Raises:
        ModelError: timm does not know the architecture.
    """
    made = create_model(
        model.architecture,
        num_classes=model.num_classes or 0,
        in_chans=getattr(model.module, "in_chans", 3),
        mean=model.mean.flatten().tolist() if model.normalises else None,
        std=model.std.flatten().tolist() if model.normalises else None,
        image_size=model.image_size,
        seed=int(model.digest()[:8], 16) + index,
        options=model.options,
    )
    return made.to(next(model.parameters()).device)
