"""A report composed from the results of a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.findings import FEW_STUDENTS
from robustkd.presentation.numbers import join
from robustkd.reporting.drawing import to_svg
from robustkd.reporting.layouts import summary_tables, tables_of
from robustkd.reporting.report import Report, Section
from robustkd.reporting.trust import Trust, trust_in
from robustkd.results.result import Result, Slice, slices
from robustkd.results.storage import load_results

SEEDS_FOR_METHODS = 3
"""From as many on, their variation can be told (Student's t)."""

RUN_FILE = "run.json"


def compose(run: Path) -> Report:
    """Read a run's results and say what they say.

    Args:
        run: The run directory.

    Returns:
        The report.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
    """
    about = run / RUN_FILE
    if not about.is_file():
        raise StudyError(f"{run}: not a finished run (it has no {RUN_FILE})")
    provenance = json.loads(about.read_text(encoding="utf-8"))
    asked = list(provenance["evaluations"])
    results = [result for result in load_results(run / "results") if result.evaluation in asked]
    results.sort(key=lambda result: asked.index(result.evaluation))
    trust = {result.evaluation: trust_in(result, results) for result in results}
    return Report(
        title=provenance["name"],
        summaries=tuple(summary_tables(results, trust)),
        sections=tuple(_section(result, trust[result.evaluation]) for result in results),
        # what was found of a network itself stands beside every evaluation's answer, and is told once
        checks=tuple(dict.fromkeys(check for result in results for check in result.checks)),
        provenance=provenance,
        caution=_caution(results),
    )


def _caution(results: Sequence[Result]) -> str:
    rows = pd.concat([result.frame[["level", "role", "n_seeds"]] for result in results])
    methods = rows[(rows["level"] == "method") & (rows["role"] == "student")]
    fewest = methods["n_seeds"].min()
    if methods.empty or fewest >= SEEDS_FOR_METHODS:
        return ""
    often = "once" if fewest == 1 else "twice"
    return (
        f"Where a method was trained only {often}, this is about these networks: intervals cover the test images, not "
        "what another training of the same method would give."
    )


def _section(result: Result, trust: Trust) -> Section:
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
