"""Several runs side by side: their numbers, the differences to the first one, and which verdicts changed."""

from robustkd.reporting.side_by_side.compose import side_by_side
from robustkd.reporting.side_by_side.write import build_comparison

__all__ = ["build_comparison", "side_by_side"]
