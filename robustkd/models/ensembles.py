"""Several networks as one: the ensemble predicts the mean of their probabilities."""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models.combination import Combination
from robustkd.models.pixel_model import PixelModel


class Ensemble(nn.Module):
    """The mean of the probabilities of several networks, as logits: z = log (1/m) Σᵢ softmax(zᵢ); or of their logits.

    Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021), section 4.1, use the first as a teacher.

    Args:
        models: The networks, at least one; each does its own resizing and normalisation.
        mean: Of what the mean is.

    Raises:
        ModelError: There is no network, or their numbers of classes differ.
    """

    def __init__(self, models: Sequence[PixelModel], mean: Combination = "probabilities") -> None:
        super().__init__()
        self.mean: Combination = mean
        classes = {model.num_classes for model in models}
        if len(classes) != 1:
            counts = ", ".join(map(str, sorted(classes, key=str))) or "none"
            raise ModelError(f"the networks of an ensemble must have the same number of classes, got {counts}")
        self.models = nn.ModuleList(models)
        self.num_classes = classes.pop()

    def forward(self, pixels: Tensor) -> Tensor:
        """Classify pixels, float (B, C, H, W) in [0, 1], to logits (B, K)."""
        if self.mean == "logits":
            return torch.stack([model(pixels).float() for model in self.models]).mean(dim=0)
        log_probabilities = torch.stack([model(pixels).float().log_softmax(dim=1) for model in self.models])
        return log_probabilities.logsumexp(dim=0) - math.log(len(self.models))

    def members(self) -> list[PixelModel]:
        """Return the networks."""
        return [cast(PixelModel, model) for model in self.models]


def members_of(model: PixelModel) -> list[PixelModel]:
    """Return the networks of an ensemble; a network that is none is its only member.

    Args:
        model: The network.
    """
    return model.module.members() if isinstance(model.module, Ensemble) else [model]


def ensemble(models: Sequence[PixelModel], mean: Combination = "probabilities") -> PixelModel:
    """Return one model that predicts the mean of the probabilities of several, or of their logits.

    Args:
        models: The networks; a single one is returned as it is.
        mean: Of what the mean is.

    Raises:
        ModelError: There is no network, or their numbers of classes differ.
    """
    if len(models) == 1:
        return models[0]
    module = Ensemble(models, mean)
    architectures = list(dict.fromkeys(model.architecture for model in models))
    sources = [str(model.lineage.get("source", model.lineage.get("file", ""))) for model in models]
    return PixelModel(
        module,
        architecture=f"ensemble of {len(models)} {' and '.join(architectures)}",
        # a state dict holds no preprocessing of the members, which their digests cover
        options={"members": [model.digest() for model in models], **({"mean": mean} if mean == "logits" else {})},
        lineage={"source": ", ".join(filter(None, sources))} if any(sources) else {},
    )
