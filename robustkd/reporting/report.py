"""The content of a report, before it is written in any format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from robustkd.presentation.pictures import Picture
from robustkd.reporting.claims.claim import Judgement
from robustkd.reporting.claims.summary import ClaimsSummary, summary_of
from robustkd.reporting.drawing_process import Drawing
from robustkd.reporting.published.comparison import PublishedComparison
from robustkd.reporting.statement.content import Statement
from robustkd.reporting.table import Table
from robustkd.reporting.trade_off import TradeOff
from robustkd.results.records import Check


@dataclass(frozen=True)
class Section:
    """The section of a report on one evaluation.

    Attributes:
        name: The name of the evaluation.
        title: The heading.
        question: The question that the evaluation answers.
        sentences: The findings.
        tables: The numbers.
        chart: The Vega-Lite specification.
        drawing: The same chart, drawn.
        options: The options of the evaluation.
        chart_note: A note on what the chart omits because of failed checks; empty if nothing is omitted.
        notes: What a reader must know about the measurement.
        reading: How to read the numbers: a heading and a sentence or two for each aspect.
        pictures: Pictures of images.
        brief: Whether the sentences are about the whole study, not about one part after another.
        failed: The failed checks that concern the evaluation.
        answered: Whether the question has an answer on these data; where no label is wrong, or no class is rare, some
            have none.
    """

    name: str
    title: str
    question: str
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    chart: dict[str, Any]
    drawing: Drawing
    options: dict[str, Any]
    chart_note: str = ""
    notes: tuple[str, ...] = ()
    reading: tuple[tuple[str, str], ...] = ()
    pictures: tuple[Picture, ...] = ()
    brief: bool = True
    failed: tuple[Check, ...] = ()
    answered: bool = True


@dataclass(frozen=True)
class Report:
    """The content of a report.

    Attributes:
        title: The name of the study.
        summaries: The first tables: one, unless the study has several parts.
        sections: One section for each evaluation.
        checks: All validity checks.
        provenance: How the results were obtained.
        legend: What the marks in the tables mean.
        caution: Why the findings hold only for these networks; empty if each method has three seeds or more.
        statement: The distillation statement.
        trade_off: The chart of accuracy against any other metric; None where there is nothing to compare.
        damaged: The evaluations whose results cannot be read, and why.
        published: The published tables that the run repeats, beside its own numbers.
        claims: The papers' claims, judged, in the order in which they are published.
        to_come: The titles of the evaluations that are not measured yet; empty when the study is finished.
    """

    title: str
    summaries: tuple[Table, ...]
    sections: tuple[Section, ...]
    checks: tuple[Check, ...]
    provenance: Mapping[str, Any]
    legend: str = ""
    caution: str = ""
    statement: Statement = field(default_factory=lambda: Statement((), ()))
    trade_off: TradeOff | None = None
    damaged: Mapping[str, str] = field(default_factory=dict)
    to_come: tuple[str, ...] = ()
    published: tuple[PublishedComparison, ...] = ()
    claims: tuple[Judgement, ...] = ()

    @property
    def claims_summary(self) -> ClaimsSummary:
        """The claims, divided into those with a verdict and those that were not asked."""
        return summary_of(self.claims)
