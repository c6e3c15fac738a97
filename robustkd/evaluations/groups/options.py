"""The options of the evaluation of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class GroupsOptions:
    """Where the group of each test image is stated.

    Attributes:
        file: A table (``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet``) with one row for each test image in order, or
            with a column ``index`` or ``image`` that holds the index of the test image, from 0; None for the groups
            that the source of the images states.
        column: The column of `file` with the groups; of several columns, each combination of values is a group.
        min_images: The fewest images of a group that counts in the measures over all groups.
    """

    file: str | None = None
    column: str | tuple[str, ...] = "group"
    min_images: Annotated[int, Field(ge=1)] = 10
