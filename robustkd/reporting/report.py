"""The report of a run: built from its files alone, again and again, without a network or a checkpoint."""

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from filelock import FileLock

from robustkd.atomic import write_text
from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS, Check, Evaluation, Result, load_results, slices
from robustkd.evaluations.results import Slice
from robustkd.evaluations.wording import FEW_STUDENTS, join
from robustkd.reporting.layouts import summary_tables, tables_of
from robustkd.reporting.page import render
from robustkd.reporting.table import Table, to_csv, to_latex, to_markdown
from robustkd.reporting.trust import Trust, trust_in

SEEDS_FOR_METHODS = 3
"""From as many on, their variation can be told (Student's t)."""

RUN_FILE = "run.json"


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


def build_report(run: Path) -> Path:
    """Write ``RUN/report`` from the results of a run.

    Args:
        run: The run directory.

    Returns:
        The page, ``RUN/report/index.html``.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
    """
    report = compose(run)
    with FileLock(run / ".reporting"):
        for left in run.glob(".report-*"):  # of a process that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=run, prefix=".report-") as folder:
            fresh = Path(folder) / "report"
            _write(report, fresh)
            if (run / "report").exists():
                shutil.rmtree(run / "report")
            fresh.rename(run / "report")
    return run / "report" / "index.html"


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
        svg=_own_ids(vl_convert.vegalite_to_svg(specification, vl_version=_vega_lite_version()), evaluation.name),
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


def _own_ids(svg: str, prefix: str) -> str:
    """Number a drawing's ids from 0 and prefix them: vl-convert counts on, and a page holds several drawings."""
    found = dict.fromkeys(re.findall(r'id="([^"]+)"', svg))
    for index, name in enumerate(found):
        svg = re.sub(rf'(id="|url\(#|href="#){re.escape(name)}(?=["\)])', rf"\g<1>{prefix}-{index}", svg)
    return svg


def _write(report: Report, folder: Path) -> None:
    write_text(folder / "index.html", render(report, "index.html.j2", vega_lite_version=_vega_lite_version()))
    write_text(folder / "report.md", render(report, "report.md.j2"))
    write_text(folder / "provenance.json", json.dumps(report.provenance, indent=2, sort_keys=True) + "\n")
    for table in (*report.summaries, *(table for section in report.sections for table in section.tables)):
        write_text(folder / "tables" / f"{table.name}.csv", to_csv(table))
        write_text(folder / "tables" / f"{table.name}.tex", to_latex(table))
        write_text(folder / "tables" / f"{table.name}.md", to_markdown(table))
    for section in report.sections:
        write_text(folder / "figures" / f"{section.name}.svg", section.svg)
        png = vl_convert.vegalite_to_png(section.chart, vl_version=_vega_lite_version(), scale=2)
        (folder / "figures" / f"{section.name}.png").write_bytes(png)


def _vega_lite_version() -> str:
    """Give altair's version as vl-convert names it: ``6.1`` for ``v6.1.0``, or the nearest it carries."""
    wanted = tuple(int(part) for part in alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    carried = [tuple(int(part) for part in version.split(".")) for version in vl_convert.get_vegalite_versions()]
    same = [version for version in carried if version[0] == wanted[0]] or carried
    nearest = min(same, key=lambda version: abs(version[1] - wanted[1]))
    return ".".join(map(str, nearest))
