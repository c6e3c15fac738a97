"""What a report holds, before it is written in any format."""

from dataclasses import dataclass
from typing import Any

from robustkd.reporting.table import Table
from robustkd.results.records import Check


@dataclass(frozen=True)
class Section:
    """What a report says of one evaluation.

    Attributes:
        name: Of the evaluation.
        title: Its heading.
        question: What it asks.
        sentences: What was found.
        tables: The numbers.
        chart: The Vega-Lite specification.
        svg: The same, drawn.
        options: How it was asked.
        notes: What to know of how it was measured.
        brief: Whether its sentences are of the whole study, not of one part after another.
    """

    name: str
    title: str
    question: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    chart: dict[str, Any]
    svg: str
    options: dict[str, Any]
    notes: tuple[str, ...] = ()
    brief: bool = True


@dataclass(frozen=True)
class Report:
    """All that a report says.

    Attributes:
        title: Of the study.
        summaries: The first tables: one, unless the study has several parts.
        sections: One per evaluation.
        checks: All validity checks.
        provenance: How all this was obtained.
        caution: Why findings hold for these networks alone; empty where each method was trained three times or more.
    """

    title: str
    summaries: tuple[Table, ...]
    sections: tuple[Section, ...]
    checks: tuple[Check, ...]
    provenance: dict[str, Any]
    caution: str = ""
