"""How the predictions of several networks become one."""

from typing import Literal

Combination = Literal["probabilities", "logits"]
"""What an ensemble predicts: the mean of the probabilities of its members, or of their logits."""
