"""The format of numbers, the same in tables, chart labels and sentences."""

import math

from robustkd.results.metric import Metric

_PERCENT = {"fraction": "%", "points": " points"}

_COUNT = "epochs"


def number(value: float, metric: Metric, signed: bool = False) -> str:
    """Write a value without its unit.

    Args:
        value: The value as stored; fractions are between 0 and 1.
        metric: The metric, which has the unit: fractions and points are shown times 100 with one decimal, epochs
            with one, others with three.
        signed: Whether to always show the sign, as for a difference.

    Returns:
        For example ``94.3``, ``+0.6`` or ``0.241``; ``–`` for an absent value.
    """
    if value is None or math.isnan(value):
        return "–"
    sign = "+" if signed or metric.difference_of else ""
    decimals = 1 if metric.unit in (*_PERCENT, _COUNT) else 3
    text = f"{value * (100 if metric.unit in _PERCENT else 1):{sign}.{decimals}f}"
    if float(text) == 0:
        text = text.replace("-", "+" if sign else "")
    return text.replace("-", "−")


def quantity(value: float, metric: Metric, signed: bool = False) -> str:
    """Write a value with its unit: ``94.3%``, ``+0.6 points``, ``0.241 nats``."""
    return (number(value, metric, signed) + _PERCENT.get(metric.unit, f" {metric.unit}")).rstrip()


def interval(low: float, high: float, metric: Metric) -> str:
    """Format an interval as ``[−0.2, +1.4]``; an empty string if there is none."""
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{number(low, metric)}, {number(high, metric)}]"


def unit_sign(metric: Metric) -> str:
    """Write the unit for a table's head: ``%``, ``points``, ``nats``."""
    return _PERCENT.get(metric.unit, metric.unit).strip()


def axis_title(metric: Metric) -> str:
    """Return the title of an axis: that of the metric, and its unit if it has one."""
    unit = unit_sign(metric)
    return f"{metric.title} ({unit})" if unit else metric.title


def join(parts: list[str]) -> str:
    """Join words as in a sentence: ``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
