"""`robustkd compare`: are the numbers of two runs equal?"""

from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import Plugin, load_named_plugins


def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run directory.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another run directory.")],
    tolerance: Annotated[float, typer.Option(help="The largest difference that counts as equal.", min=0)] = 0.0,
    plugin: Plugin = None,
) -> None:
    """Compare the numbers of two runs; if some differ, list them and exit with code 1."""
    load_named_plugins(plugin)
    from robustkd.studies.compare import compare_runs

    compared, differences = compare_runs(run_a, run_b, tolerance)
    for difference in differences:
        print(f"{difference.place}: {_shown(difference.first)} ≠ {_shown(difference.second)}")
    if differences:
        print(f"{len(differences)} of {compared} numbers differ")
        raise typer.Exit(1)
    print(f"all {compared} numbers are equal" + (f" within {tolerance}" if tolerance else ""))


def _shown(value: float | None) -> str:
    return "absent" if value is None else repr(value)
