"""The options of the minority evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class MinorityOptions:
    """How the minority is chosen.

    Attributes:
        classes: The number of classes in the minority, and in the majority: at most half of all, and fewer if fewer are
            smaller than the others.
    """

    classes: Annotated[int, Field(ge=1)] = 3
