"""The files of a report: page, Markdown, statement, tables, figures, provenance.

``RUN/report`` holds ``index.html``, ``report.md``, ``statement.json``, ``MODEL_CARD.md`` or
``model_cards/<student>.md``, ``provenance.json``, ``tables/<table>.csv|.tex|.md`` and
``figures/<evaluation>.svg|.png|.pdf``; on request also ``figures/<evaluation>-one-column.svg|.pdf`` and
``-two-columns``, at the widths of a journal.
"""

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from robustkd.atomic import sync
from robustkd.errors import StorageError
from robustkd.presentation.pictures import picture_png
from robustkd.reporting.compose import compose
from robustkd.reporting.drawing import libraries_at_hand, to_pdf, vega_lite_version
from robustkd.reporting.drawing_process import Drawing, drawn_meanwhile
from robustkd.reporting.publication import WIDTHS, publication_svg
from robustkd.reporting.published.comparison import PublishedComparison
from robustkd.reporting.report import Report, Section
from robustkd.reporting.statement.as_json import statement_json
from robustkd.reporting.statement.model_card import model_cards
from robustkd.reporting.table import Table, to_csv, to_latex, to_markdown


def build_report(run: Path, *, publication: bool = False, interactive: bool = True) -> Path:
    """Write ``RUN/report`` from the results of a run. The same results give the same files, byte for byte.

    Args:
        run: The run directory.
        publication: Whether to draw each chart at the widths of one and of two columns too.
        interactive: Whether the charts of the page are interactive; drawings need no script library, and make the page
            less than half as large.

    Returns:
        The path of the page, ``RUN/report/index.html``.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
        StorageError: The run directory cannot be written to.
        RobustKDError: A library that reports need is not installed.
    """
    with drawn_meanwhile(sum(1 for _ in (run / "results").glob("*.json"))) as draw:
        report = compose(run, draw)
        try:
            with FileLock(run / ".reporting"):
                _replace(run, _files(report, publication, interactive))
        except OSError as error:
            raise StorageError(f"{run}: the report cannot be written ({error.strerror or error})") from error
    return run / "report" / "index.html"


def _replace(run: Path, files: Iterable[tuple[str, str | bytes]]) -> None:
    """Put all files in a folder, which takes the place of the former report when it is complete."""
    for left in run.glob(".report-*"):  # of a process that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=run, prefix=".report-") as folder, libraries_at_hand(run):
        fresh = Path(folder) / "report"
        for name, content in files:
            _write(fresh / name, content)
        if (run / "report").exists():
            shutil.rmtree(run / "report")
        fresh.rename(run / "report")


def _write(file: Path, content: str | bytes) -> None:
    """Write a file to disk; the folder gets its name only when all of them are there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
    sync(file)


def _files(report: Report, publication: bool, interactive: bool) -> Iterator[tuple[str, str | bytes]]:
    from robustkd.reporting.page import render

    # first what needs no drawing, while another process draws
    yield "report.md", render(report, "report.md.j2")
    yield "provenance.json", json.dumps(report.provenance, indent=2, sort_keys=True) + "\n"
    if report.statement.students:
        yield "statement.json", statement_json(report)
        yield from model_cards(report).items()
    parts: tuple[Section | PublishedComparison, ...] = (*report.sections, *report.published)
    for table in (*report.summaries, *(table for part in parts for table in part.tables)):
        yield from _forms(table)
    for section in report.sections:
        for picture in section.pictures:
            yield f"figures/{section.name}-{picture.name}.png", picture_png(picture)
    yield (
        "index.html",
        render(report, "index.html.j2", vega_lite_version=vega_lite_version(), interactive=interactive),
    )
    for part in parts:
        yield from _figures(part.name, part.chart, part.drawing, publication)
    if report.trade_off is not None:
        yield from _figures("trade-off", report.trade_off.chart, report.trade_off.drawing, publication)


def _forms(table: Table) -> Iterator[tuple[str, str]]:
    for suffix, form in (("csv", to_csv), ("tex", to_latex), ("md", to_markdown)):
        yield f"tables/{table.name}.{suffix}", form(table)


def _figures(
    name: str, chart: dict[str, Any], drawing: Drawing, publication: bool
) -> Iterator[tuple[str, str | bytes]]:
    yield f"figures/{name}.svg", drawing.svg
    yield f"figures/{name}.png", drawing.png
    yield f"figures/{name}.pdf", drawing.pdf
    if publication:
        for of_width, width in WIDTHS.items():
            drawn = publication_svg(chart, name, width)
            yield f"figures/{name}-{of_width}.svg", drawn
            yield f"figures/{name}-{of_width}.pdf", to_pdf(drawn)
