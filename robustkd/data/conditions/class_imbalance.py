"""Training sets with rare classes.

Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922), Table VI, prints
n_c = ⌊a/(b + (c−1)^(−γ))⌋ for class c = 1 … K, which is singular at c = 1. Its authors' code has

    n_c = round(a/(b + c^γ)),    a and b such that n_1 = n_max, n_K = n_min           (``power_law``)

and keeps the first n_c images of each class. The other reading of the misprint is

    n_c = ⌊a/(b + c^(−γ))⌋,      a and b such that n_1 = n_min, n_K = n_max           (``power_law_rising``).

The long-tail literature has n_c = n_max·(n_min/n_max)^((c−1)/(K−1)) (``exponential``: Cui et al., *Class-balanced
loss*, CVPR 2019) and n_max for the first half of the classes, n_min for the others (``step``: Buda et al. 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from robustkd.data.condition import CONDITIONS, Condition, Conditioned
from robustkd.errors import DataError

if TYPE_CHECKING:
    from robustkd.data.image_set import ImageSet

Law = Literal["power_law", "power_law_rising", "exponential", "step"]

RATIO = 20
"""n_max / n_min of the paper: 5,000 / 250."""

SEED = 12345

_OVERFLOW = 700.0

_READABLE = 0.01, 100.0
"""The range of γ·ln K in which six digits of a and b are enough to compute the class sizes."""


@CONDITIONS.register("class_imbalance")
@dataclass(frozen=True)
class ClassImbalance(Condition):
    """Class sizes that follow a law; the test set stays unchanged.

    A class with fewer images than the law requires keeps all of them.

    Attributes:
        law: The law of the class sizes: ``power_law``, ``power_law_rising``, ``exponential`` or ``step``.
        gamma: The exponent of the power laws, from 0 (the limit, n_c = a/(b + ln c)) to infinity (all classes but one
            have n_max); the other laws have none.
        n_max: The number of images of the largest class; None for the size of the largest class of the set.
        n_min: The number of images of the smallest class; None for a twentieth of n_max.
        draw: The choice of the images that stay: the ``first`` in the order of the set, as in the paper; or drawn by
            imbalanced-learn, once for all trainings (``fixed``: its random state is 12345; a number: the first 32-bit
            word of ``numpy.random.SeedSequence((12345, number))``) or for each training (``per_seed``: the number is
            the seed of the training).
    """

    name = "class_imbalance"

    law: Law = "power_law"
    gamma: Annotated[float, Field(ge=0)] | None = None
    n_max: Annotated[int, Field(ge=1)] | None = None
    n_min: Annotated[int, Field(ge=1)] | None = None
    draw: Literal["first", "fixed", "per_seed"] | Annotated[int, Field(ge=0)] = "first"

    def __post_init__(self) -> None:
        if self._has_gamma and self.gamma is None:
            raise DataError(f"class imbalance: the law {self.law} needs gamma")
        if not self._has_gamma and self.gamma is not None:
            raise DataError(f"class imbalance: the law {self.law} has no gamma; leave it out")
        if self.gamma is not None and not self.gamma >= 0:
            raise DataError(f"class imbalance: gamma must not be negative, got {self.gamma}")
        if min(self.n_min or 1, self.n_max or 1) < 1 or (self.n_max and self.n_min and self.n_min > self.n_max):
            raise DataError(
                f"class imbalance: n_min and n_max must satisfy 1 ≤ n_min ≤ n_max, got {self.n_min} and {self.n_max}"
            )

    @property
    def _has_gamma(self) -> bool:
        return self.law.startswith("power_law")

    @property
    def label(self) -> str:
        """``imbalance γ=0.2``, followed by the settings that differ from the paper's."""
        law = {"power_law": "", "power_law_rising": " rising"}.get(self.law, f" {self.law}")
        parts = [f"γ={_written(self.gamma)}"] if self.gamma is not None else []
        parts += [f"n_max={self.n_max}"] if self.n_max else []
        parts += [f"n_min={self.n_min}"] if self.n_min else []
        drawn = {"fixed": "random", "per_seed": "random per seed"}.get(str(self.draw), f"random {self.draw}")
        parts += [drawn] if self.draw != "first" else []
        return f"imbalance{law} {' '.join(parts)}".rstrip()

    @property
    def per_seed(self) -> bool:
        """Whether `draw` is ``per_seed``."""
        return self.draw == "per_seed"

    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Keep the number of images of each class that the law requires.

        Args:
            train: The set; not changed.
            seed: The seed of the training; only used by a draw per seed.

        Returns:
            The images that stay, in the order of the set.

        Raises:
            DataError: The set has too few images.
        """
        import torch

        labels = train.labels.cpu().numpy()
        sizes = self.sizes(train)
        if self.draw == "first":
            kept = np.concatenate([np.flatnonzero(labels == c)[:size] for c, size in enumerate(sizes)])
        else:
            number = seed if self.draw == "per_seed" else self.draw
            state = SEED if isinstance(number, str) else np.random.SeedSequence((SEED, number)).generate_state(1)[0]
            kept = _subsampled(labels, sizes, int(state))
        indices = torch.from_numpy(np.sort(kept))
        images = train.subset(indices)
        none = torch.empty(0, dtype=torch.int64)
        return Conditioned(images, images.labels, indices, none, none)

    def sizes(self, train: ImageSet) -> np.ndarray:
        """Return the number of images of each class that are kept, int64 (K,).

        Raises:
            DataError: n_max is more than any class has, or n_min more than n_max.
        """
        return np.minimum(self.asked(train), _available(train))

    def asked(self, train: ImageSet) -> np.ndarray:
        """Return the number of images of each class that the law requires, int64 (K,), even if there are fewer.

        Raises:
            DataError: n_max is more than any class has, or n_min more than n_max.
        """
        n_max, n_min = self._ends(int(_available(train).max()))
        return class_sizes(self.law, train.num_classes, n_max, n_min, self.gamma or 0.0)

    def description(self, train: ImageSet) -> str:
        """Describe the law with its constants, and the resulting class sizes."""
        sizes = self.sizes(train)
        return f"{self._formula(train)}: {' '.join(map(str, sizes))}, {sizes.sum()} images"

    def _formula(self, train: ImageSet) -> str:
        """The law; for a power law with a and b, unless six digits are not enough or a and b have no value."""
        n_max, n_min = self._ends(int(_available(train).max()))
        if self.law == "exponential":
            return f"n_c = {n_max}·({n_min}/{n_max})^((c−1)/(K−1))"
        if self.law == "step":
            return f"n_c = {n_max} or {n_min}"
        gamma = float(self.gamma or 0)
        if n_max == n_min or not _READABLE[0] < gamma * np.log(train.num_classes) < _READABLE[1]:
            return f"{self.law}, γ = {_written(gamma)}"
        a, b = constants(self.law, train.num_classes, n_max, n_min, gamma)
        return f"n_c = {a:.6g}/({b:.6g} + c^{gamma if self.law == 'power_law' else -gamma:g})"

    def _ends(self, largest: int) -> tuple[int, int]:
        n_max = self.n_max or largest
        if n_max > largest:
            raise DataError(
                f"class imbalance: n_max must be at most {largest}, the size of the largest class, got {n_max}"
            )
        n_min = self.n_min or max(round(n_max / RATIO), 1)
        if n_min > n_max:
            raise DataError(f"class imbalance: n_min must be at most n_max ({n_max}), got {n_min}")
        return n_max, n_min


def _written(gamma: float) -> str:
    return f"{gamma:g}".replace("inf", "∞")


def _available(train: ImageSet) -> np.ndarray:
    return np.bincount(train.labels.cpu().numpy(), minlength=train.num_classes)


def class_sizes(law: Law, classes: int, n_max: int, n_min: int, gamma: float = 0.0) -> np.ndarray:
    """Return the class sizes of a law.

    With a and b solved from both ends, 1/n_c of the power laws is linear in c^(±γ): between its ends it lies at

        (c^γ − 1)/(K^γ − 1),  falling, or  (1 − c^(−γ))/(1 − K^(−γ)),  rising,

    which has a limit for γ → 0 and γ → ∞ where a and b have none.

    Args:
        law: The law of the class sizes: ``power_law``, ``power_law_rising``, ``exponential`` or ``step``.
        classes: The number of classes, K.
        n_max: The number of images of the largest class.
        n_min: The number of images of the smallest class.
        gamma: The exponent γ ≥ 0 of the power laws.

    Returns:
        The class sizes, int64 (K,).
    """
    if classes == 1:
        return np.array([n_max])
    place = np.arange(classes) / (classes - 1)
    if law == "exponential":
        return np.rint(n_max * (n_min / n_max) ** place).astype(np.int64)
    if law == "step":
        return np.where(np.arange(classes) < (classes + 1) // 2, n_max, n_min)
    logs = np.log(np.arange(1, classes + 1))
    if law == "power_law":
        return np.rint(1 / (1 / n_max + (1 / n_min - 1 / n_max) * _risen(logs, gamma))).astype(np.int64)
    # the floor, unless rounding has pushed a whole number just below itself
    exact = 1 / (1 / n_min - (1 / n_min - 1 / n_max) * _risen(logs, -gamma))
    return np.floor(exact * (1 + 1e-12)).astype(np.int64)


def constants(law: Law, classes: int, n_max: int, n_min: int, gamma: float) -> tuple[float, float]:
    """Solve a power law for its a and b.

    Args:
        law: ``power_law`` or ``power_law_rising``.
        classes: The number of classes, K, at least 2.
        n_max: The number of images of the largest class.
        n_min: The number of images of the smallest class, less than n_max.
        gamma: The exponent, positive and finite.

    Returns:
        a and b of n_c = a/(b + c^γ), or of n_c = a/(b + c^(−γ)) for the rising law.
    """
    first, last = (n_max, n_min) if law == "power_law" else (n_min, n_max)
    power = float(classes) ** (gamma if law == "power_law" else -gamma)
    a = (power - 1) / (1 / last - 1 / first)
    return a, a / first - 1


def _risen(logs: np.ndarray, exponent: float) -> np.ndarray:
    """(c^e − 1)/(K^e − 1) for the logarithms of c = 1 … K, with its limits."""
    if exponent == 0:
        return np.asarray(logs / logs[-1])
    below = logs < logs[-1]
    risen = np.ones(len(logs))
    if exponent * logs[-1] > _OVERFLOW:
        risen[below] = np.exp(exponent * (logs[below] - logs[-1]))
    else:
        first = logs == 0  # 1 to any power is 1, to the power of infinity too
        risen[first] = 0
        risen[below & ~first] = np.expm1(exponent * logs[below & ~first]) / np.expm1(exponent * logs[-1])
    return risen


def _subsampled(labels: np.ndarray, sizes: np.ndarray, random_state: int) -> np.ndarray:
    """Draw images of each class with imbalanced-learn, by their indices."""
    from imblearn.datasets import make_imbalance

    # imbalanced-learn refuses classes without images
    strategy = {c: int(size) for c, size in enumerate(sizes) if (labels == c).any()}
    rows = np.arange(len(labels)).reshape(-1, 1)
    if len(strategy) == 1:  # imbalanced-learn refuses a single class
        return np.random.RandomState(random_state).permutation(len(labels))[: next(iter(strategy.values()))]
    kept, _ = make_imbalance(rows, labels, sampling_strategy=strategy, random_state=random_state)
    return np.asarray(kept).ravel()
