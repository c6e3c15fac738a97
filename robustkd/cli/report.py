"""`robustkd report`: build the report of a run again, follow a study, or put several runs side by side."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import ChartKind, FigureSizes, Plugin, load_named_plugins
from robustkd.errors import BadInputError, printable

COMPARISON = Path("comparison")


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="A run directory, or several to compare.")],
    out: Annotated[
        Path | None,
        typer.Option(help="The directory for a comparison of several runs.", show_default=f"./{COMPARISON}"),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Rebuild the report while the study runs in another process.")
    ] = False,
    interval: Annotated[float, typer.Option(help="With --watch, the seconds between two looks.", min=0.1)] = 5.0,
    figures: Annotated[
        FigureSizes,
        typer.Option(help="Sizes of the figures: page, or also publication, at 85 and 178 mm with type of 7 points."),
    ] = FigureSizes.page,
    charts: Annotated[
        ChartKind,
        typer.Option(help="Charts of the page: interactive, or drawn, without a script library and half as large."),
    ] = ChartKind.interactive,
    plugin: Plugin = None,
) -> None:
    """Build the report of a run again from its results; no model is needed.

    Of several runs, put the numbers side by side: differences to the first run with intervals, and the verdicts that
    changed.
    """
    load_named_plugins(plugin)
    if len(runs) > 1:
        if watch:
            raise BadInputError("--watch follows one run; give one RUN")
        from robustkd.reporting.side_by_side import build_comparison

        print(build_comparison(runs, out or COMPARISON))
        return
    if out is not None:
        raise BadInputError("--out is for a comparison of several runs; the report of one run is in RUN/report")
    from robustkd.reporting import build_report
    from robustkd.reporting.run_file import to_come

    build = partial(
        build_report, publication=figures is FigureSizes.publication, interactive=charts is ChartKind.interactive
    )
    if watch:
        _follow(runs[0], interval, build)
        return
    print(build(runs[0]))
    if left := to_come(runs[0]):
        print(printable(f"interim report; still to come: {', '.join(left)}"), file=sys.stderr)


def _follow(run: Path, interval: float, build: Callable[[Path], Path]) -> None:
    from robustkd.reporting.watch import watch

    try:
        watch(run, interval, lambda line: print(printable(line), flush=True), build=build)
    except KeyboardInterrupt:
        print("stopped watching; the study goes on", file=sys.stderr)
