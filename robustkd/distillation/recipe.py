"""How a network is optimised, as data."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

NonNegative = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent with a stepped learning rate; the defaults are those of sarfraz2020, section III.

    Attributes:
        epochs: Passes over the training set.
        batch_size: Images in a step.
        learning_rate: Of the first epoch.
        milestones: Epochs, counted from 0, from which on the learning rate is multiplied by `factor` once more.
        factor: See `milestones`.
        momentum: Of the descent.
        weight_decay: On every parameter. Not stated in the paper; that of the recipe it cites.
        nesterov: Nesterov's momentum.
        precision: Of the networks' arithmetic; with bfloat16 autocast chooses it operation by operation, and weights,
            gradients and losses stay float32.
    """

    epochs: Annotated[int, Field(ge=1)] = 200
    batch_size: Annotated[int, Field(ge=1)] = 128
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = (60, 120, 150)
    factor: Annotated[float, Field(gt=0)] = 0.2
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NonNegative = 5e-4
    nesterov: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    select: Literal["last", "validation", "test"] = "last"
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def learning_rate_at(self, epoch: int) -> float:
        """Give the learning rate of an epoch, counted from 0."""
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return self.learning_rate * self.factor**passed
