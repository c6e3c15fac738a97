"""The options of the knowledge evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class KnowledgeOptions:
    """What the pictures show.

    Attributes:
        shown: The largest number of images in a row of a picture.
    """

    shown: Annotated[int, Field(ge=0)] = 8
