"""`robustkd track`: log a run to an experiment tracker."""

from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import Plugin, load_named_plugins
from robustkd.errors import BadInputError


def track(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    mlflow: Annotated[str | None, typer.Option(metavar="URI", help="The tracking URI of MLflow.")] = None,
    experiment: Annotated[str, typer.Option(help="The experiment in MLflow.")] = "robustkd",
    tensorboard: Annotated[Path | None, typer.Option(metavar="DIR", help="A folder for TensorBoard.")] = None,
    plugin: Plugin = None,
) -> None:
    """Log the summary metrics of a run, and its report, to MLflow or TensorBoard.

    Example: robustkd track runs/quickstart --mlflow http://localhost:5000
    """
    load_named_plugins(plugin)
    if mlflow is None and tensorboard is None:
        raise BadInputError("say where to log: --mlflow URI, --tensorboard DIR, or both")
    from robustkd.reporting.run import read_run
    from robustkd.reporting.tracking import log_to_mlflow, log_to_tensorboard

    read = read_run(run)
    if tensorboard is not None:
        print(f"{tensorboard}: {log_to_tensorboard(read, tensorboard)} scalars")
    if mlflow is not None:
        print(f"{mlflow}: run {log_to_mlflow(read, mlflow, experiment)}")
