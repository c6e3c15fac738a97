"""Networks that average-pool their last feature map and classify it by one linear layer."""

from typing import Any

import torch
from torch import Tensor, nn

from robustkd.distillation.blocks import probe_pixels
from robustkd.models import PixelModel


def last_map(model: PixelModel, pixels: Tensor) -> Tensor:
    """Return the last feature map before pooling, (B, C, H, W), for pixels (B, C, H, W) in [0, 1]."""
    network: Any = model.module
    features: Tensor = network.forward_features(model.prepare(pixels))
    return features


@torch.no_grad()
def linear_classifier(model: PixelModel) -> nn.Linear | None:
    """Return the linear layer that classifies the average-pooled last map; None if the network classifies otherwise.

    Args:
        model: The network; its mode is restored.
    """
    network: Any = model.module
    training = model.training
    try:
        features = last_map(model.eval(), probe_pixels(model))
        classifier: nn.Module = network.get_classifier()
        if type(classifier) is not nn.Linear or features.ndim != 4:
            return None
        agrees = torch.allclose(
            network.forward_head(features), classifier(features.mean(dim=(2, 3))), rtol=1e-3, atol=1e-4
        )
    except Exception:  # a network without such methods, or with a head of another kind, may fail in any way
        return None
    finally:
        model.train(training)
    return classifier if agrees else None
