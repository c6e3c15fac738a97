"""How a network is optimised, as data."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from robustkd.arithmetic import Precision
from robustkd.data.distillation_data import NOTHING_MORE, DistillationData, distillation_data
from robustkd.distillation.initialisation import RANDOM, Init, initialisation

NonNegative = Annotated[float, Field(ge=0)]
Optimiser = Literal["sgd", "adam", "adamw"]
Schedule = Literal["step", "cosine", "constant"]
Rule = Literal["last", "validation", "test"]
Split = Literal["all", "first_half", "second_half"]
Resampling = Literal["none", "over", "under"]
_CHOICES = {"optimiser": Optimiser, "schedule": Schedule, "select": Rule, "split": Split, "resampling": Resampling}


@dataclass(frozen=True)
class Recipe:
    """Optimiser, schedule and length of a training; the defaults are those of sarfraz2020, section III.

    Attributes:
        epochs: The number of passes over the training set.
        batch_size: The number of images in a step.
        optimiser: ``sgd`` with momentum; ``adam`` (Kingma and Ba 2015) or ``adamw`` (Loshchilov and Hutter 2019) with
            torch's defaults of β = (0.9, 0.999) and ε = 1e-8.
        learning_rate: The learning rate after the warm-up, before the schedule lowers it.
        schedule: ``step`` multiplies the learning rate by `factor` at each of the `milestones`; ``cosine`` lowers it to
            `last_learning_rate` along half a period of the cosine; ``constant`` keeps it. It changes from epoch to
            epoch, never within one.
        milestones: For ``step``: the epochs, counted from 0, at whose start the learning rate is multiplied by
            `factor`.
        factor: For ``step``: the multiplier.
        warmup_epochs: The number of epochs in which the learning rate rises linearly to `learning_rate`.
        last_learning_rate: For ``cosine``: the learning rate at the end of the curve, which would be reached one epoch
            after the last.
        momentum: The momentum of SGD; Adam has its own.
        weight_decay: The weight decay of every parameter: an L2 penalty for SGD and Adam, decoupled for AdamW. The
            paper does not state it; the default is that of the recipe that the paper cites.
        nesterov: Whether SGD uses Nesterov's momentum.
        label_smoothing: The share of the target probability that is spread evenly over all classes, in [0, 1), in the
            cross-entropy with the labels (Szegedy et al. 2016, section 7) of every method that has one.
        init: Where the weights begin: ``random``, drawn with the seed; ``shared``, as those of the teacher began; or an
            `Initialisation`.
        frozen_batch_norm: Whether batch normalisation keeps the statistics that it has at the beginning.
        split: The part of the training set: ``all``, ``first_half`` or ``second_half``, halves of each class that are
            the same for all networks.
        resampling: ``over`` repeats images of smaller classes until each class has as many as the largest, ``under``
            leaves out images of larger classes until each has as many as the smallest; ``none`` does neither. The draw
            is made once, among the images that are trained on, under their condition, and is the same for all networks.
            Images held out for validation stay as they are. An epoch is a pass over the resampled images, and a
            repeated image has a place in `Batch.indices` for each time that it occurs.
        distillation_data: What is shown beyond the training set with its crops and flips.
        evaluate_every: The number of epochs between two measurements of the fidelity to the teacher on the test set,
            which the history then holds, together with that after the last epoch; 0 for none.
        precision: The precision of the networks' arithmetic. ``float32`` is IEEE single precision; ``tf32`` lets NVIDIA
            GPUs round the inputs of convolutions and matrix products to 10 bits of mantissa, and is float32 elsewhere;
            with ``bfloat16``, autocast chooses the precision of each operation, and weights, gradients and losses stay
            float32.
        graph: ``auto`` replays the steps from CUDA graphs on NVIDIA GPUs, where that is possible: the same kernels in
            the same order, launched together. ``off`` launches them one by one.
        compile: Whether `torch.compile` compiles the step of each stage: a minute or more before the first step, faster
            afterwards, and different rounding.
        select: The rule that chooses the exported network where a method trains several; see `selection`. It never
            chooses an epoch.
        validation_fraction: The share of the training images that is held out of training, in [0, 1), the same images
            for all networks; see `selection`.

    Raises:
        ValueError: A setting is out of range or cannot be combined with another; the message says which.

    >>> import robustkd as rk
    >>> recipe = rk.Recipe(epochs=4, schedule="cosine", warmup_epochs=1)
    >>> [round(recipe.learning_rate_at(epoch), 3) for epoch in range(4)]
    [0.05, 0.1, 0.075, 0.025]
    """

    epochs: Annotated[int, Field(ge=1)] = 200
    batch_size: Annotated[int, Field(ge=1)] = 128
    optimiser: Optimiser = "sgd"
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    schedule: Schedule = "step"
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = (60, 120, 150)
    factor: Annotated[float, Field(gt=0)] = 0.2
    warmup_epochs: Annotated[int, Field(ge=0)] = 0
    last_learning_rate: NonNegative = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NonNegative = 5e-4
    nesterov: bool = False
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    init: Init = RANDOM
    frozen_batch_norm: bool = False
    split: Split = "all"
    resampling: Resampling = "none"
    distillation_data: DistillationData = NOTHING_MORE
    evaluate_every: Annotated[int, Field(ge=0)] = 0
    precision: Precision = "float32"
    graph: Literal["auto", "off"] = "auto"
    compile: bool = False
    select: Rule = "last"
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def __post_init__(self) -> None:
        given: Any = self.init
        object.__setattr__(self, "init", initialisation(given))
        shown: Any = self.distillation_data
        object.__setattr__(self, "distillation_data", distillation_data(shown))
        for name, kind in _CHOICES.items():
            if getattr(self, name) not in get_args(kind):
                raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, got {getattr(self, name)!r}")
        for name in ("validation_fraction", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and less than 1, got {getattr(self, name)}")
        if self.select == "validation" and self.validation_fraction == 0:
            raise ValueError(
                "select: validation needs images to select by: set validation_fraction, to 0.1 for example"
            )
        if self.nesterov and (self.optimiser != "sgd" or self.momentum == 0):
            raise ValueError("nesterov: true needs optimiser: sgd and a momentum above 0")
        if self.warmup_epochs and self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs must be less than epochs ({self.epochs}), got {self.warmup_epochs}")
        if self.last_learning_rate and self.schedule != "cosine":
            raise ValueError(f"last_learning_rate needs schedule: cosine, got schedule: {self.schedule}")
        if self.last_learning_rate > self.learning_rate:
            raise ValueError(f"last_learning_rate must be at most learning_rate ({self.learning_rate})")

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch.

        For a learning rate η and w epochs of warm-up, epoch e < w has η·(e + 1)/(w + 1) (gradual warm-up, Goyal et al.
        2017, section 2.2, epoch by epoch). After that, ``cosine`` is η_last + ½(η − η_last)(1 + cos(π (e − w)/(E − w)))
        (Loshchilov and Hutter 2017, equation 5, without restarts) for E epochs.

        Args:
            epoch: The number of the epoch, counted from 0.
        """
        if epoch < self.warmup_epochs:
            return self.learning_rate * (epoch + 1) / (self.warmup_epochs + 1)
        if self.schedule == "cosine":
            gone = (epoch - self.warmup_epochs) / (self.epochs - self.warmup_epochs)
            above = self.learning_rate - self.last_learning_rate
            return self.last_learning_rate + above * (1 + math.cos(math.pi * gone)) / 2
        passed = sum(epoch >= milestone for milestone in self.milestones) if self.schedule == "step" else 0
        return self.learning_rate * self.factor**passed
