"""The rows that a chart draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair as alt


def chart_data(values: Sequence[Mapping[Any, Any]]) -> alt.Data:
    """Return rows as the data of a chart.

    Altair copies a chart, with its data, whenever it becomes part of another one; these rows are shared by the copies.

    Args:
        values: A dictionary for each row; it must not change afterwards.
    """
    import altair as alt

    data = alt.Data(values=values)
    object.__setattr__(data, "__deepcopy__", lambda shared: shared)
    return data
