"""`few_images`: a training set of which only the first images of each class remain."""

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import Field

from robustkd.data import CONDITIONS, Condition, Conditioned, ImageSet


@CONDITIONS.register("few_images")
@dataclass(frozen=True)
class FewImages(Condition):
    """The first images of each class.

    Attributes:
        per_class: The number of images of each class; a class with fewer keeps all.
    """

    name = "few_images"

    per_class: Annotated[int, Field(ge=1)] = 20

    @property
    def label(self) -> str:
        """The number of images, as in ``20 images per class``."""
        return f"{self.per_class} images per class"

    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Keep the first images of each class, in the order of the set."""
        labels = train.labels.cpu()
        first = [torch.nonzero(labels == label)[: self.per_class, 0] for label in range(train.num_classes)]
        indices = torch.cat(first).sort().values
        images = train.subset(indices)
        none = torch.empty(0, dtype=torch.int64)
        return Conditioned(images, images.labels, indices, none, none)
