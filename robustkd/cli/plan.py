"""`robustkd plan`: the jobs of studies, and what they cost."""

from pathlib import Path
from typing import Annotated

import typer

from robustkd.cli.options import DataRoot, Device, Out, Override, Plugin, StoreRoot, Threads, load_named_plugins
from robustkd.cli.plan_table import show_outlook
from robustkd.errors import BadInputError


def plan(
    studies: Annotated[
        list[Path],
        typer.Argument(metavar="STUDY.yaml…", help="Study files, or collections; what they share is counted once."),
    ],
    out: Out = None,
    overrides: Override = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    store: StoreRoot = None,
    devices: Annotated[str, typer.Option(metavar="N,N,…", help="The numbers of devices to estimate for.")] = "1,8,64",
    threads: Threads = 1,
    jobs: Annotated[bool, typer.Option("--jobs", help="List every training, however many there are.")] = False,
    plugin: Plugin = None,
) -> None:
    """List the jobs of studies, which are done, and what the rest will cost; nothing is trained."""
    load_named_plugins(plugin)
    counts = _counts(devices)
    from robustkd.studies.collection import load_studies

    placed = load_studies(studies, tuple(overrides or ()), out, store)

    from robustkd.studies.outlook import outlook

    shared = store if len(placed) == 1 else placed[0].store
    loaded, runs = [each.study for each in placed], [each.out for each in placed]
    found = outlook(loaded, runs, shared, device=device, data_root=data_root, threads=threads)
    show_outlook(found, counts, every_job=jobs)


def _counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if not counts or min(counts) < 1 or len(counts) != len(text.split(",")):
        raise BadInputError(f"--devices {text!r}: must be numbers from 1 on, as in 1,8,64")
    return counts
