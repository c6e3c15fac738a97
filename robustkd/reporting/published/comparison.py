"""A published table beside the numbers of a run, before it is written in any format."""

from dataclasses import dataclass
from typing import Any

from robustkd.reporting.drawing_process import Drawing
from robustkd.reporting.table import Table


@dataclass(frozen=True)
class PublishedComparison:
    """A published table beside the same numbers of a run.

    Attributes:
        name: The name of its files, without a suffix, and its id on the page.
        paper: The paper in a few words, such as ``Sarfraz et al. 2020``.
        place: Where the numbers stand in the paper, such as ``Table III``.
        title: What they are about.
        exact: Whether the run has the protocol of the paper; otherwise only rankings and signs are to be compared.
        differences: Where the run departs from the paper, and what follows for the numbers; empty if it does not.
        note: What a reader must know about the published numbers, the intervals and the chart.
        sentences: The findings.
        tables: The numbers: one table for each setting. Differences of a run that is not exact are in brackets.
        chart: The Vega-Lite specification.
        drawing: The same chart, drawn.
        alternative: The chart in words.
    """

    name: str
    paper: str
    place: str
    title: str
    exact: bool
    differences: str
    note: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    chart: dict[str, Any]
    drawing: Drawing
    alternative: str

    @property
    def heading(self) -> str:
        """The heading: paper, place and title."""
        return f"{self.paper}, {self.place}: {self.title}"
