"""The files of a report: page, Markdown, tables, figures, provenance."""

import json
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from robustkd.atomic import write_text
from robustkd.presentation.pictures import picture_png
from robustkd.reporting.compose import compose
from robustkd.reporting.drawing import libraries_at_hand, to_png, vega_lite_version
from robustkd.reporting.published.comparison import PublishedComparison
from robustkd.reporting.report import Report, Section
from robustkd.reporting.table import to_csv, to_latex, to_markdown


def build_report(run: Path) -> Path:
    """Write ``RUN/report`` from the results of a run.

    Args:
        run: The run directory.

    Returns:
        The path of the page, ``RUN/report/index.html``.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
        RobustKDError: A library that reports need is not installed.
    """
    report = compose(run)
    with FileLock(run / ".reporting"):
        for left in run.glob(".report-*"):  # of a process that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(dir=run, prefix=".report-") as folder, libraries_at_hand(run):
            fresh = Path(folder) / "report"
            _write(report, fresh)
            if (run / "report").exists():
                shutil.rmtree(run / "report")
            fresh.rename(run / "report")
    return run / "report" / "index.html"


def _write(report: Report, folder: Path) -> None:
    from robustkd.reporting.page import render

    write_text(folder / "index.html", render(report, "index.html.j2", vega_lite_version=vega_lite_version()))
    write_text(folder / "report.md", render(report, "report.md.j2"))
    write_text(folder / "provenance.json", json.dumps(report.provenance, indent=2, sort_keys=True) + "\n")
    parts: tuple[Section | PublishedComparison, ...] = (*report.sections, *report.published)
    for table in (*report.summaries, *(table for part in parts for table in part.tables)):
        write_text(folder / "tables" / f"{table.name}.csv", to_csv(table))
        write_text(folder / "tables" / f"{table.name}.tex", to_latex(table))
        write_text(folder / "tables" / f"{table.name}.md", to_markdown(table))
    for part in parts:
        write_text(folder / "figures" / f"{part.name}.svg", part.svg)
        (folder / "figures" / f"{part.name}.png").write_bytes(to_png(part.chart))
    for section in report.sections:
        for picture in section.pictures:
            (folder / "figures" / f"{section.name}-{picture.name}.png").write_bytes(picture_png(picture))
