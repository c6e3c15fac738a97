"""The conditions of a training set: what is changed before anything is trained on it.

A condition is one file in `conditions`: a frozen dataclass, registered by a decorator, whose fields are the keys of a
study file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from robustkd.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data.image_set import ImageSet
    from robustkd.data.painting import Painting


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A training set under a condition.

    Attributes:
        images: The images to train on, with the labels to train on.
        true_labels: int64 (N,), the labels of `images` before the condition was applied.
        indices: int64 (N,), the index of each image in the original set.
        held_out: int64 (M,), the indices of the images of the original set that are kept out of the training for a
            later audit; empty unless the condition holds images out.
        held_out_labels: int64 (M,), the labels with which the held-out images would have been trained on.
        painting: The patterns that were painted over `images`; None if their pixels are the original ones.
    """

    images: ImageSet
    true_labels: Tensor
    indices: Tensor
    held_out: Tensor
    held_out_labels: Tensor
    painting: Painting | None = None


class Condition(ABC):
    """A change of the training set; subclasses are frozen dataclasses.

    Attributes:
        name: The name under which the condition is registered.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def label(self) -> str:
        """A short name for tables and charts, such as ``label noise 40%``; different for conditions that differ."""

    @property
    def per_seed(self) -> bool:
        """Whether each training has its own draw; otherwise `apply` returns the same for all seeds."""
        return False

    def for_role(self, role: str) -> Condition:
        """Return what the networks of a role are trained under, for a condition that not all networks share.

        All networks are evaluated together nevertheless, as those of this condition.

        Args:
            role: The role: ``teacher``, ``baseline``, ``student`` or ``control``.

        Returns:
            By default itself.
        """
        return self

    def options(self) -> dict[str, Any]:
        """Its fields, as in a study file."""
        return asdict(cast(Any, self))

    @abstractmethod
    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Apply the condition to a training set.

        Args:
            train: The set; not changed.
            seed: The seed of the training; ignored if one draw serves all.

        Returns:
            The training set under the condition.

        Raises:
            DataError: The condition does not fit this set.
        """


CONDITIONS: Registry[type[Condition]] = Registry("condition", "robustkd.data.conditions", Condition)
"""Conditions by name."""


@CONDITIONS.register("clean")
@dataclass(frozen=True)
class Clean(Condition):
    """The unchanged training set."""

    name = "clean"

    @property
    def label(self) -> str:
        """``clean``."""
        return "clean"

    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Change nothing."""
        import torch

        none = torch.empty(0, dtype=torch.int64)
        return Conditioned(train, train.labels, torch.arange(len(train)), none, none)
