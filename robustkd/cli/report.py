"""`robustkd report`: build the report of a run again, or put several runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import Plugin, load_named_plugins
from robustkd.errors import BadInputError

COMPARISON = Path("comparison")


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="A run directory, or several to compare.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The directory for a comparison of several runs.", show_default=f"./{COMPARISON}"),
    ] = None,
    plugin: Plugin = None,
) -> None:
    """Build the report of a run again from its results; no model is needed.

    Of several runs, put the numbers side by side: differences to the first run with intervals, and the verdicts that
    changed.
    """
    load_named_plugins(plugin)
    if len(runs) > 1:
        from robustkd.reporting.side_by_side import build_comparison

        print(build_comparison(runs, out or COMPARISON))
        return
    if out is not None:
        raise BadInputError("--out is for a comparison of several runs; the report of one run is in RUN/report")
    from robustkd.reporting import build_report

    print(build_report(runs[0]))
