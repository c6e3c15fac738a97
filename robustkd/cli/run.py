"""`robustkd run`: train a study's networks, evaluate them, and write the report."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import (
    HOW,
    DataRoot,
    Device,
    Executor,
    Out,
    Override,
    Plugin,
    StoreRoot,
    Threads,
    load_named_plugins,
)
from robustkd.cli.results_table import show_results
from robustkd.errors import BadInputError


def run(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY.yaml…", help="Study files, or collections; several share the networks that are trained."
        ),
    ],
    out: Out = None,
    overrides: Override = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    store: StoreRoot = None,
    plugin: Plugin = None,
    executor: Annotated[
        Executor, typer.Option(help="Train on this machine, or on a Ray cluster.", rich_help_panel=HOW)
    ] = Executor.local,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The largest number of trainings at the same time.",
            show_default="one for each core, or --jobs-per-device for each GPU",
            rich_help_panel=HOW,
        ),
    ] = None,
    jobs_per_device: Annotated[
        str,
        typer.Option(
            metavar="auto|N",
            help="The number of trainings at the same time on one GPU; auto raises it while that pays.",
            rich_help_panel=HOW,
        ),
    ] = "auto",
    threads: Threads = 1,
    address: Annotated[
        str | None,
        typer.Option(
            help="The address of a Ray cluster: auto on one of its machines, HOST:PORT, or ray://HOST:PORT.",
            show_default="a cluster started on this machine",
            rich_help_panel=HOW,
        ),
    ] = None,
    checkpoint_epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of epochs after which a training saves its state.",
            show_default="a twentieth of all",
            rich_help_panel=HOW,
        ),
    ] = None,
    checkpoint_minutes: Annotated[
        float,
        typer.Option(
            min=0, help="The minutes after which it saves its state at the end of an epoch.", rich_help_panel=HOW
        ),
    ] = 5.0,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Train again what failed before.", rich_help_panel=HOW)
    ] = False,
) -> None:
    """Train the networks of studies, evaluate them, and write reports; finished trainings are not repeated.

    Example: robustkd run experiments/quickstart.yaml
    """
    load_named_plugins(plugin)
    from robustkd.studies.collection import load_studies

    placed = load_studies(studies, tuple(overrides or ()), out, store)

    from robustkd.studies import Execution, run_study
    from robustkd.studies.training import CheckpointInterval

    how = Execution(
        executor=executor.value,
        workers=workers,
        jobs_per_device=_jobs(jobs_per_device),
        threads=threads,
        address=address,
        interval=CheckpointInterval(checkpoint_epochs, checkpoint_minutes),
        retry_failed=retry_failed,
    )
    incomplete = False
    for each in placed:
        if len(placed) > 1:
            print(f"{each.study.name}:")
        try:
            evaluated = run_study(
                each.study, each.out, device=device, data_root=data_root, store=each.store, execution=how
            )
        except KeyboardInterrupt:
            print("interrupted; the same command continues from the last saved state", file=sys.stderr)
            raise typer.Exit(130) from None
        incomplete |= not show_results(evaluated)
    if incomplete:
        raise typer.Exit(1)


def _jobs(given: str) -> int | None:
    if given == "auto":
        return None
    if not given.isdecimal() or int(given) < 1:
        raise BadInputError(f"--jobs-per-device: must be auto or a whole number from 1 on, got {given!r}")
    return int(given)
