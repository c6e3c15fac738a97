"""The options of the label noise evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class LabelNoiseOptions:
    """Which labels are audited.

    Attributes:
        audit_images: The largest number of labels to audit, drawn with `seed`; None for all.
        test_errors: A ``.npy`` file of label errors in the test set that people judged, whole numbers (J, 7): test
            index, given label, suggested label, and how many of five people chose given, suggested, neither, both.
        seed: The seed of the draw of audited labels.
    """

    audit_images: Annotated[int, Field(ge=1)] | None = 10_000
    test_errors: str | None = None
    seed: int = 0
