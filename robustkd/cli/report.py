"""`robustkd report`: build the report of a run again."""

from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import FigureSizes, Plugin, load_named_plugins


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    figures: Annotated[
        FigureSizes,
        typer.Option(help="Sizes of the figures: page, or also publication, at 85 and 178 mm with type of 7 points."),
    ] = FigureSizes.page,
    plugin: Plugin = None,
) -> None:
    """Build the report of a run again from its results; no model is needed."""
    load_named_plugins(plugin)
    from robustkd.reporting import build_report

    print(build_report(run, publication=figures is FigureSizes.publication))
