"""How a network is optimised, as data."""

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from pydantic import Field

NonNegative = Annotated[float, Field(ge=0)]
Rule = Literal["last", "validation", "test"]


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
        compile: Let `torch.compile` make the step of each stage: a minute or more before the first one, faster
            afterwards, and other roundings.
        select: Which network is exported where a method trains several; see `selection`. It never chooses an epoch.
        validation_fraction: Share of the training images that is held out of training, in [0, 1), the same images for
            all networks; see `selection`.

    Raises:
        ValueError: `select` is no rule, or needs validation images and there are none, or the share is out of range.
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
    compile: bool = False
    select: Rule = "last"
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def __post_init__(self) -> None:
        if self.select not in get_args(Rule):
            raise ValueError(f"select must be one of {', '.join(get_args(Rule))}, got {self.select!r}")
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(f"validation_fraction must be at least 0 and less than 1, got {self.validation_fraction}")
        if self.select == "validation" and self.validation_fraction == 0:
            raise ValueError(
                "select: validation needs images to select by: set validation_fraction, to 0.1 for example"
            )

    def learning_rate_at(self, epoch: int) -> float:
        """Give the learning rate of an epoch, counted from 0."""
        passed = sum(epoch >= milestone for milestone in self.milestones)
        return self.learning_rate * self.factor**passed
