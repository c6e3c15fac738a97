"""The section of a report on one evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.numbers import join
from robustkd.presentation.pictures import Picture
from robustkd.presentation.sentences import FEW_STUDENTS
from robustkd.presentation.style import WIDTH
from robustkd.reporting.drawing import below_each_other, printable_chart
from robustkd.reporting.drawing_process import Draw, drawn_when_asked
from robustkd.reporting.layouts import tables_of
from robustkd.reporting.report import Section
from robustkd.reporting.trust import Trust
from robustkd.results.metric import Metric
from robustkd.results.records import Check
from robustkd.results.result import Result, Slice, slices

if TYPE_CHECKING:
    import altair as alt


def section_of(
    result: Result,
    trust: Trust,
    pictures: tuple[Picture, ...] = (),
    decides: str = "",
    draw: Draw = drawn_when_asked,
) -> Section:
    """Compose the section on one evaluation.

    Args:
        result: The result of the evaluation.
        trust: What is known about the validity of its numbers.
        pictures: Its pictures of images.
        decides: What would change the answer; empty where nothing is open.
        draw: Draws a chart.

    Returns:
        The section. Its sentences and its chart omit numbers that failed checks void; its tables strike them out.
    """
    evaluation = EVALUATIONS[result.evaluation]()
    parts = slices(result.frame, across_conditions=evaluation.across_conditions)
    chart, note = _chart(evaluation, result.frame, trust)
    return Section(
        name=evaluation.name,
        title=evaluation.title,
        question=evaluation.question,
        sentences=tuple(
            f"{part.title}: {sentence}" if part.title else sentence
            for part in parts
            for sentence in _sentences(evaluation, part.frame, trust)
        ),
        tables=tuple(tables_of(result, trust)),
        chart=chart,
        drawing=draw(chart, evaluation.name),
        chart_note=note,
        options=result.settings["options"],
        notes=result.notes,
        reading=_reading(evaluation, decides),
        pictures=pictures,
        brief=len(parts) == 1,
        failed=tuple(dict.fromkeys(trust.failed)),
        answered=_has_values(result.frame, [evaluation.metric(name) for name in evaluation.summary[:1]]),
    )


def _reading(evaluation: Evaluation, decides: str) -> tuple[tuple[str, str], ...]:
    told = (
        ("How to read it", evaluation.reading),
        ("Chance", evaluation.chance),
        ("Control", evaluation.control),
        ("Caveats", evaluation.caveats),
        ("What would change the answer", decides),
        ("Cost", evaluation.cost),
    )
    return tuple((title, text) for title, text in told if text)


def _sentences(evaluation: Evaluation, frame: pd.DataFrame, trust: Trust) -> list[str]:
    """The findings that can be trusted, and a note on what was left out."""
    trusted, checks = trust.withhold(frame, evaluation.metrics)
    if not checks:
        return evaluation.headline(frame)
    if not _has_values(trusted, evaluation.metrics):
        return [f"No number here can be trusted, because validity checks failed: {_named(checks)}."]
    said = evaluation.headline(trusted)
    changed = said != evaluation.headline(frame)
    return [*said, *([f"Left out, because validity checks failed: {_named(checks)}."] if changed else [])]


def _chart(evaluation: Evaluation, frame: pd.DataFrame, trust: Trust) -> tuple[dict[str, Any], str]:
    """The specification of the chart, and the note on what it leaves out."""
    drawable, checks = trust.drawable(frame, evaluation.metrics)
    if checks and not _has_values(drawable, evaluation.metrics):
        note = f"Nothing is drawn, because validity checks failed: {_named(checks)}."
        return _text("nothing to draw").to_dict(), note
    note = f"Left out of the chart, because validity checks failed: {_named(checks)}." if checks else ""
    parts = [
        part
        for part in slices(drawable, across_conditions=evaluation.across_conditions)
        if not checks or _has_values(part.frame, evaluation.metrics)
    ]
    drawn = _drawn(evaluation, parts)
    return printable_chart(drawn if _holds_data(drawn) else _text("nothing to draw").to_dict()), note


def _drawn(evaluation: Evaluation, parts: Sequence[Slice]) -> dict[str, Any]:
    """One drawing; if a study has several parts, one for each part, below each other."""
    drawn = [evaluation.chart(part.frame).to_dict(validate=False) for part in parts]
    if len(drawn) == 1:
        return drawn[0]
    titled = [chart | {"title": part.title} for chart, part in zip(drawn, parts, strict=True)]
    return below_each_other(titled) | {"resolve": {"scale": {"color": "independent", "opacity": "independent"}}}


def _holds_data(specification: Any) -> bool:
    """Whether a chart has anything to draw: what it draws may be void where other metrics are not."""
    if isinstance(specification, dict):
        values = specification.get("values")
        return (isinstance(values, list) and len(values) > 0) or any(map(_holds_data, specification.values()))
    return isinstance(specification, list) and any(map(_holds_data, specification))


def _text(text: str) -> alt.Chart:
    """A chart that contains only a text."""
    import altair as alt

    return alt.Chart(alt.Data(values=[{}])).mark_text(text=text, color="#5b6875").properties(width=WIDTH, height=40)


def _has_values(frame: pd.DataFrame, metrics: Iterable[Metric]) -> bool:
    return bool(frame.loc[frame["metric"].isin([metric.name for metric in metrics]), "value"].notna().any())


def _named(checks: Iterable[Check]) -> str:
    """The checks by name, each with the networks that failed it, or their number where they are many."""
    members: dict[str, list[str]] = {}
    for check in checks:
        members.setdefault(check.name, []).extend([check.member] if check.member else [])
    return "; ".join(f"{name}{_in_brackets(failing)}" for name, failing in members.items())


def _in_brackets(members: list[str]) -> str:
    names = list(dict.fromkeys(members))
    return f" ({join(names) if len(names) <= FEW_STUDENTS else f'{len(names)} networks'})" if names else ""
