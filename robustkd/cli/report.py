"""`robustkd report`: build the report of a run again."""

from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import Plugin, load_named_plugins


def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")], plugin: Plugin = None) -> None:
    """Build the report of a run again from its results; no model is needed."""
    load_named_plugins(plugin)
    from robustkd.reporting import build_report

    print(build_report(run))
