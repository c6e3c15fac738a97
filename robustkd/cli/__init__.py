"""The `robustkd` command.

Torch is imported inside the commands that need it, so that ``--help`` answers at once. Exit codes: 0 done; 1 it ran,
and the answer is no; 2 bad input, said in one line.
"""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robustkd.cli.listing import Listing, listed
from robustkd.cli.models import parse_model
from robustkd.cli.terminal import show_outlook, show_results
from robustkd.errors import BadInputError, RobustKDError, nearest
from robustkd.threads import wait_passively

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool, PixelModel
    from robustkd.studies import Evaluated

app = typer.Typer(
    name="robustkd",
    help="What did a distilled model really inherit?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Out = Annotated[Path | None, typer.Option(help="The run directory; chosen under runs/ if not given.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, …")]
DataRoot = Annotated[
    Path | None, typer.Option(help="Where data sets lie; else $ROBUSTKD_DATA, then the cache directory.")
]
StoreRoot = Annotated[
    Path | None,
    typer.Option(help="Where trained networks are kept; studies may share one. The run's own if not given."),
]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting; may be repeated.", show_default=False),
]


Threads = Annotated[int, typer.Option(min=1, help="Of the CPU, for each training; another number, other bits.")]


class Executor(StrEnum):
    """Where the trainings of a study are done."""

    local = "local"
    ray = "ray"


class Suite(StrEnum):
    """How much `robustkd evaluate` measures."""

    quick = "quick"
    full = "full"


def main() -> None:
    """Run the command line; every refusal is one line on standard error."""
    wait_passively()
    try:
        app()
    except RobustKDError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:  # a file that cannot be read or written, wherever that was
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="A study file (YAML).")],
    out: Out = None,
    overrides: Override = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    store: StoreRoot = None,
    executor: Annotated[
        Executor, typer.Option(help="Where to train: this machine, or a Ray cluster.")
    ] = Executor.local,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Trainings at once; one for each core or GPU if not given, 1 for none beside this process."
        ),
    ] = None,
    jobs_per_device: Annotated[int, typer.Option(min=1, help="Trainings at once on one GPU.")] = 1,
    threads: Threads = 1,
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster: auto on one of its machines, HOST:PORT, or ray://HOST:PORT.")
    ] = None,
    checkpoint_epochs: Annotated[
        int | None, typer.Option(min=1, help="A training writes down where it is after so many epochs; a twentieth.")
    ] = None,
    checkpoint_minutes: Annotated[
        float, typer.Option(min=0, help="Or after so many minutes, at an epoch's end.")
    ] = 5.0,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try again what failed before.")] = False,
) -> None:
    """Train a study's networks, evaluate them, and write the report; finished jobs are not repeated."""
    from robustkd.studies import Execution, load_study, run_study
    from robustkd.studies.training import CheckpointInterval

    loaded = load_study(study, tuple(overrides or ()))
    how = Execution(
        executor=executor.value,
        workers=workers,
        jobs_per_device=jobs_per_device,
        threads=threads,
        address=address,
        interval=CheckpointInterval(checkpoint_epochs, checkpoint_minutes),
        retry_failed=retry_failed,
    )
    try:
        evaluated = run_study(loaded, out, device=device, data_root=data_root, store=store, execution=how)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        raise typer.Exit(130) from None
    _show(evaluated)


@app.command()
def evaluate(
    data: Annotated[str, typer.Option(help="digits, cifar10, cifar100, npz:PATH, folder:PATH[@SIZE].")],
    teacher: Annotated[
        str | None, typer.Option(metavar="MODEL", help="[NAME=][ARCHITECTURE:]PATH of the teacher.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="The same network trained without a teacher; repeat for more seeds."),
    ] = None,
    student: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="A student; repeat for more, with the same NAME= for more seeds."),
    ] = None,
    condition: Annotated[
        str, typer.Option(metavar="YAML", help="What the training set was: 'label_noise: {rate: 0.4}', for example.")
    ] = "clean",
    clean: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Trained on clean data whatever the condition: teacher, baseline, or a student's NAME; repeat for "
            "more.",
        ),
    ] = None,
    suite: Annotated[Suite, typer.Option(help="quick: minutes on a laptop; full: as in the papers.")] = Suite.quick,
    mean: Annotated[
        str | None,
        typer.Option(metavar="M,M,M", help="Normalisation of foreign checkpoints; none if not given."),
    ] = None,
    std: Annotated[str | None, typer.Option(metavar="S,S,S", help="See --mean.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Resize images to this for foreign checkpoints.")] = None,
    ema: Annotated[bool, typer.Option("--ema", help="Take averaged weights from foreign checkpoints.")] = False,
    limit: Annotated[int | None, typer.Option(help="Look at this many test images, drawn at random.")] = None,
    out: Out = None,
    overrides: Override = None,
    device: Device = "auto",
    data_root: DataRoot = None,
) -> None:
    """Measure trained models, made by robustkd or anybody, and write the report.

    A MODEL is [NAME=][ARCHITECTURE:]PATH. The architecture is any that timm knows; checkpoints written by robustkd
    know theirs.
    Example: robustkd evaluate --data cifar10 --teacher resnet34:t.pth --baseline resnet18:b.pth --student
    kd=resnet18:s.pth
    """
    if not (teacher or baseline or student):
        raise BadInputError("nothing to evaluate: give --student, and --teacher and --baseline to compare it with")
    from robustkd.data import load_dataset
    from robustkd.models import ModelPool
    from robustkd.studies import evaluate as evaluate_models
    from robustkd.studies.evaluate_models import evaluation_name

    dataset = load_dataset(data, data_root)
    loading = {
        "mean": _channels(mean, "--mean"),
        "std": _channels(std, "--std"),
        "image_size": image_size,
        "ema": ema,
    }

    def load(text: str, role: str) -> "tuple[str, PixelModel]":
        return _load(text, role, dataset, loading)

    baselines = [load(text, "baseline")[1] for text in baseline or ()]
    students: dict[str, list[PixelModel]] = {}
    for text in student or ():
        name, model = load(text, "student")
        students.setdefault(name, []).append(model)
    pool = ModelPool(
        load(teacher, "teacher")[1] if teacher else None,
        _one_or_more(baselines) if baselines else None,
        {name: _one_or_more(models) for name, models in students.items()},
    )
    pool = _trained_clean(pool, clean or [])
    run_directory = out if out is not None else Path("runs") / evaluation_name(pool, dataset)
    options = _evaluation_overrides(tuple(overrides or ()))
    evaluated = evaluate_models(
        pool,
        dataset,
        suite.value,
        options=options,
        condition=_yaml(condition, "--condition"),
        limit=limit,
        out=run_directory,
        device=device,
    )
    _show(evaluated)


@app.command()
def plan(
    studies: Annotated[list[Path], typer.Argument(help="Study files (YAML); what they share is counted once.")],
    out: Out = None,
    overrides: Override = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    store: StoreRoot = None,
    devices: Annotated[str, typer.Option(metavar="N,N,…", help="Estimate for so many devices.")] = "1,8,64",
    threads: Threads = 1,
    jobs: Annotated[bool, typer.Option("--jobs", help="List every training, however many there are.")] = False,
) -> None:
    """Show a study's jobs, what is done already, and what the rest will cost; nothing is trained."""
    from robustkd.studies import load_study
    from robustkd.studies.outlook import outlook

    counts = _counts(devices)
    loaded = [load_study(path, tuple(overrides or ())) for path in studies]
    runs = [out if out is not None else Path("runs") / study.name for study in loaded]
    found = outlook(loaded, runs, store, device=device, data_root=data_root, threads=threads)
    show_outlook(found, counts, every_job=jobs)


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors."""
    import json

    from robustkd.studies.schema import study_schema

    print(json.dumps(study_schema(), indent=2))


@app.command()
def report(run: Annotated[Path, typer.Argument(help="A run directory.")]) -> None:
    """Build the report anew from the results of a run; needs no model."""
    from robustkd.reporting import build_report

    print(build_report(run))


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(help="A run directory.")],
    run_b: Annotated[Path, typer.Argument(help="Another.")],
    tolerance: Annotated[float, typer.Option(help="Largest difference that counts as equal.", min=0)] = 0.0,
) -> None:
    """Say whether two runs hold the same numbers; if not, show the cells that differ and exit with 1."""
    from robustkd.studies.compare import compare_runs

    compared, differences = compare_runs(run_a, run_b, tolerance)
    for difference in differences:
        print(f"{difference.place}: {_shown(difference.first)} ≠ {_shown(difference.second)}")
    if differences:
        print(f"{len(differences)} of {compared} numbers differ")
        raise typer.Exit(1)
    print(f"all {compared} numbers are equal" + (f" within {tolerance}" if tolerance else ""))


@app.command("list")
def list_(what: Annotated[Listing, typer.Argument(help="What to list.")]) -> None:
    """List what there is."""
    for name, about in listed(what):
        print(f"{name:<24} {about}" if about else name)


@app.command()
def doctor(data_root: DataRoot = None) -> None:
    """Show the environment: versions, devices, and which data sets are found."""
    from robustkd.cli.doctor import environment

    for name, found in environment(data_root):
        print(f"{name:<15} {found}")


def _show(evaluated: "Evaluated") -> None:
    """Print what there is; exit with 1 if something is missing."""
    show_results(evaluated)
    for name, reason in evaluated.missing.items():
        print(f"missing: {name}: {reason}", file=sys.stderr)
    if evaluated.missing:
        raise typer.Exit(1)


def _counts(text: str) -> list[int]:
    counts = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if not counts or min(counts) < 1 or len(counts) != len(text.split(",")):
        raise BadInputError(f"--devices {text!r}: must be numbers from 1 on, as in 1,8,64")
    return counts


def _load(text: str, role: str, dataset: "Dataset", loading: dict[str, Any]) -> "tuple[str, PixelModel]":
    from robustkd.models import load_model

    name, architecture, path = parse_model(text)
    model = load_model(
        path,
        architecture=architecture,
        num_classes=dataset.num_classes,
        in_chans=dataset.test.shape[0],
        **loading,
    )
    return name or str(model.lineage.get("method", Path(path).stem)), model


def _trained_clean(pool: "ModelPool", names: list[str]) -> "ModelPool":
    from dataclasses import replace

    from robustkd.data import Clean
    from robustkd.models import ModelPool

    known = {member.method for member in pool}
    for name in names:
        if name not in known:
            raise BadInputError(f"--clean {name!r}: no such model; {nearest(name, known)}")
    clean = Clean().label
    return ModelPool(
        members=[replace(member, condition=clean) if member.method in names else member for member in pool]
    )


def _channels(text: str | None, option: str) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise BadInputError(f"{option} {text!r}: must be numbers, one per channel, as in 0.49,0.48,0.45") from error


def _yaml(text: str, option: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInputError(f"{option} {text!r}: not valid YAML") from error


def _evaluation_overrides(overrides: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    from robustkd.studies.study_file import override

    options: dict[str, Any] = {}
    for text in overrides:
        override(options, text)
    wrong = next((name for name, value in options.items() if not isinstance(value, dict)), None)
    if wrong is not None:
        raise BadInputError(f"--set {wrong}: must be EVALUATION.OPTION=VALUE, as in transferability.steps=10")
    return options


def _one_or_more(models: "list[PixelModel]") -> Any:
    return models[0] if len(models) == 1 else models


def _shown(value: float | None) -> str:
    return "absent" if value is None else repr(value)
