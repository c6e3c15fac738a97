"""The section of a report on one evaluation."""

from typing import Any

import altair as alt
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.numbers import join
from robustkd.presentation.sentences import FEW_STUDENTS
from robustkd.reporting.drawing import to_svg
from robustkd.reporting.layouts import tables_of
from robustkd.reporting.report import Section
from robustkd.reporting.trust import Trust
from robustkd.results.result import Result, Slice, slices


def section_of(result: Result, trust: Trust) -> Section:
    """Return the section of a report on one evaluation."""
    evaluation = EVALUATIONS[result.evaluation]()
    parts = slices(result.frame, across_conditions=evaluation.across_conditions)
    specification = _chart(evaluation, parts).to_dict()
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
        chart=specification,
        svg=to_svg(specification, evaluation.name),
        options=result.settings["options"],
        notes=result.notes,
        brief=len(parts) == 1,
    )


def _sentences(evaluation: Evaluation, frame: pd.DataFrame, trust: Trust) -> list[str]:
    """What was found, as far as it is to be trusted, and what was left out for that."""
    trusted, checks = trust.withhold(frame, evaluation.metrics)
    if not checks:
        return evaluation.headline(frame)
    members: dict[str, list[str]] = {}
    for check in checks:
        members.setdefault(check.name, []).extend([check.member] if check.member else [])
    told = "; ".join(f"{name}{_in_brackets(failing)}" for name, failing in members.items())
    if not trusted.loc[trusted["metric"].isin([metric.name for metric in evaluation.metrics]), "value"].notna().any():
        return [f"Nothing here is to be trusted, for validity checks failed: {told}."]
    said = evaluation.headline(trusted)
    left_out = [f"What failed checks void is left out: {told}."] if said != evaluation.headline(frame) else []
    return [*said, *left_out]


def _in_brackets(members: list[str]) -> str:
    names = list(dict.fromkeys(members))
    return f" ({join(names) if len(names) <= FEW_STUDENTS else f'{len(names)} networks'})" if names else ""


def _chart(evaluation: Evaluation, parts: list[Slice]) -> alt.TopLevelMixin:
    """One drawing, or one for each part of a study, below each other."""
    if len(parts) == 1:
        return evaluation.chart(parts[0].frame)
    drawn: list[Any] = [evaluation.chart(part.frame).properties(title=part.title) for part in parts]
    return alt.vconcat(*drawn).resolve_scale(color="independent", opacity="independent")
