"""The options of the confidence evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ConfidenceOptions:
    """How logits are compared.

    Attributes:
        scale: ``centred`` takes the logit of a class minus the mean logit of all classes; ``log_odds`` takes
            log p/(1 − p) of its probability p.
    """

    scale: Literal["centred", "log_odds"] = "centred"
