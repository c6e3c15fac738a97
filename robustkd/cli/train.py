"""`robustkd train`: train one network by one method, and save it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from robustkd.cli.models import load_option
from robustkd.cli.options import (
    Condition,
    DataName,
    DataRoot,
    Device,
    Plugin,
    SkipBroken,
    Threads,
    TrainedRole,
    architecture_names,
    completed,
    load_named_plugins,
    names_of,
)
from robustkd.errors import BadInputError


def train(
    data: DataName,
    architecture: Annotated[
        str,
        typer.Option(help="The network to train, by its name in timm.", autocompletion=completed(architecture_names)),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.safetensors", help="The file to save the network in.")],
    method: Annotated[
        str,
        typer.Option(
            help="The method; baseline trains without a teacher.", autocompletion=completed(names_of("method"))
        ),
    ] = "baseline",
    teacher: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The teacher, as [ARCHITECTURE:]PATH.", show_default=False)
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="An option of the method (at_weight=100) or of the recipe (training.epochs=5); repeatable.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(min=0, help="The seed of the initial weights, the order of the images, and their augmentation."),
    ] = 0,
    condition: Condition = "clean",
    role: Annotated[
        TrainedRole | None,
        typer.Option(
            help="The role that the network will have, for a condition that differs between roles.",
            show_default="baseline with the method baseline, else student",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="A file for the state of the training, from which it continues.", show_default="none"),
    ] = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    skip_broken: SkipBroken = False,
    threads: Threads = 1,
    plugin: Plugin = None,
) -> None:
    """Train one network with one method and save it, with its history next to it.

    Example: robustkd train --data digits --architecture cifar_resnet14 --out teacher.safetensors
    """
    load_named_plugins(plugin)
    options, changes = _settings(method, tuple(overrides or ()))
    from robustkd.declarations import check_architecture_name, check_dataset_name, declared
    from robustkd.distillation.recipe import Recipe
    from robustkd.studies.options import PlaceError
    from robustkd.studies.values import condition_named, recipe_with
    from robustkd.studies.yaml_text import parsed_option

    check_dataset_name(data)
    check_architecture_name(architecture)
    trained_under = condition_named(parsed_option(condition, "--condition"))
    if declared("method")[method].needs_teacher and teacher is None:
        raise BadInputError(f"--method {method} needs a teacher: give --teacher")
    if out.is_dir():
        raise BadInputError(f"--out {out}: is a directory; give a file")
    try:
        recipe = recipe_with(Recipe(), changes)
    except PlaceError as problem:
        raise BadInputError(f"--set {'.'.join(map(str, problem.place))}: {problem}") from problem

    from robustkd.data import load_dataset
    from robustkd.data.remarks import print_remarks, with_remarks
    from robustkd.distillation import train_student
    from robustkd.models import create_model, save_model
    from robustkd.studies.training import cpu_threads

    dataset = with_remarks(replace(load_dataset(data, data_root, skip_broken=skip_broken), condition=trained_under))
    print_remarks(dataset)
    with cpu_threads(threads):
        student = train_student(
            method,
            create_model(architecture, num_classes=dataset.num_classes, in_chans=dataset.test.shape[0], seed=seed),
            dataset,
            teacher=load_option(teacher, dataset, "--teacher")[1] if teacher is not None else None,
            recipe=recipe,
            seed=seed,
            options=options,
            role=role.value if role is not None else None,
            device=device,
            checkpoint=checkpoint,
        )
    save_model(student.model, out)
    history = out.with_suffix(".history.csv")
    student.history.to_csv(history, index=False)
    print(f"{method}, {architecture}: {student.test_accuracy:.1%} of the test images classified correctly")
    print(f"{out} ({history.name} beside it)")


def _settings(method: str, overrides: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of the method, with all defaults, and what of the recipe is different."""
    from robustkd.studies.options import PlaceError, method_options
    from robustkd.studies.study_file import override

    given: dict[str, Any] = {}
    for text in overrides:
        override(given, text)
    changes = given.pop("training", {})
    if not isinstance(changes, dict):
        raise BadInputError("--set training: must be training.KEY=VALUE, as in training.epochs=5")
    try:
        return method_options(method, given, ("--set",) if given else ("--method",)), changes
    except PlaceError as problem:
        raise BadInputError(f"{' '.join(map(str, problem.place))}: {problem}") from problem
