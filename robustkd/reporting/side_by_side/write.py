"""The files of a comparison: page, Markdown, CSV."""

from collections.abc import Sequence
from pathlib import Path

from robustkd.atomic import write_text
from robustkd.errors import BadInputError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.side_by_side.compose import side_by_side
from robustkd.reporting.side_by_side.content import SideBySide
from robustkd.reporting.side_by_side.tables import counted, table_of, to_csv
from robustkd.reporting.template_environment import template_environment

PAGE, MARKDOWN, NUMBERS = "index.html", "comparison.md", "comparison.csv"


def build_comparison(runs: Sequence[Path], out: Path) -> Path:
    """Write a comparison of runs: a page that opens offline, the same in Markdown, and all numbers in CSV.

    Args:
        runs: At least two run directories.
        out: The directory for the files; need not exist. An earlier comparison in it is replaced.

    Returns:
        The path of the page.

    Raises:
        BadInputError: A directory is given twice, or `out` holds something else.
        StudyError: A directory is not a run.
    """
    _refuse_other_files(out)
    compared = side_by_side(runs)
    for name, text in ((PAGE, page(compared)), (MARKDOWN, markdown(compared)), (NUMBERS, to_csv(compared))):
        write_text(out / name, text)
    return out / PAGE


def page(compared: SideBySide) -> str:
    """Return a comparison as a self-contained HTML page; every name that came from a user is escaped."""
    return _rendered("side_by_side.html.j2", compared)


def markdown(compared: SideBySide) -> str:
    """Return a comparison as Markdown."""
    return _rendered("side_by_side.md.j2", compared)


def _rendered(template: str, compared: SideBySide) -> str:
    shared = [comparison for comparison in compared.comparisons if comparison.shared]
    sections = [
        (EVALUATIONS[name], [table_of(compared, each) for each in shared if each.evaluation == name])
        for name in dict.fromkeys(comparison.evaluation for comparison in shared)
    ]
    filled = template_environment().get_template(template)
    return filled.render(compared=compared, sections=sections, counted=counted(compared))


def _refuse_other_files(out: Path) -> None:
    if out.is_file():
        raise BadInputError(f"{out}: is a file, not a directory; give another --out")
    others = sorted(path.name for path in out.glob("[!.]*") if path.name not in (PAGE, MARKDOWN, NUMBERS))
    if others:
        raise BadInputError(f"{out}: holds other files, such as {others[0]}; give another --out (nothing was changed)")
