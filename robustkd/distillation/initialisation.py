"""Where the weights of a training begin, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field


@dataclass(frozen=True)
class Initialisation:
    """The initial weights of a network; drawn with its seed by default.

    Stanton et al., *Does Knowledge Distillation Really Work?* (arXiv 2106.05945), section 6.2, vary them.

    Attributes:
        shared: Whether they are those that the teacher's training began with, which its checkpoint states by its seed.
        near_teacher: λ, 0 to 1: they are λ·θ_teacher + (1 − λ)·θ, with θ drawn by the seed of the network; the
            statistics of batch normalisation are estimated again on the training set.
        path: A checkpoint to begin with.

    Raises:
        ValueError: More than one of them is given, or λ is out of range.
    """

    shared: bool = False
    near_teacher: Annotated[float, Field(ge=0, le=1)] | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        if sum([self.shared, self.near_teacher is not None, self.path is not None]) > 1:
            raise ValueError("give one of shared, near_teacher and path")
        if self.near_teacher is not None and not 0 <= self.near_teacher <= 1:
            raise ValueError(f"near_teacher must be 0 to 1, got {self.near_teacher}")

    @property
    def needs_teacher(self) -> bool:
        """Whether they depend on the teacher."""
        return self.shared or self.near_teacher is not None


def initialisation(given: Any) -> Any:
    """Accept ``random`` and ``shared`` as short forms, and mappings with valid keys.

    Args:
        given: An initialisation, or what stands for one.

    Raises:
        ValueError: It is another text.
    """
    if isinstance(given, str):
        if given not in ("random", "shared"):
            raise ValueError("must be random, shared, or a mapping with near_teacher or path")
        return Initialisation(shared=given == "shared")
    return Initialisation(**given) if isinstance(given, Mapping) else given


def _short_form(given: Any) -> Any:
    return initialisation(given) if isinstance(given, str) else given


Init = Annotated[Initialisation, BeforeValidator(_short_form)]
"""An initialisation, or its short form."""

RANDOM = Initialisation()
