"""`robustkd evaluate`: measure trained models, made by robustkd or by other code."""

from pathlib import Path
from typing import Annotated, Any

import typer

from robustkd.cli.given_pool import GivenPool, class_choices, normalisations
from robustkd.cli.options import (
    HOW,
    Condition,
    DataName,
    DataRoot,
    Device,
    Out,
    Override,
    Plugin,
    SkipBroken,
    Suite,
    channels,
    completed,
    load_named_plugins,
    names_of,
)
from robustkd.cli.results_table import show_results
from robustkd.errors import BadInputError

FOREIGN = "Checkpoints of other code"


def evaluate(
    data: DataName,
    teacher: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="The teacher, as [NAME=][ARCHITECTURE:]PATH; repeat for an ensemble."),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="The same network trained without a teacher; repeat for more seeds."),
    ] = None,
    student: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="A student; repeat for more, with the same NAME= for more seeds."),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=MODEL",
            help="A student of another teacher, by the name of the student it is the control of; repeatable.",
        ),
    ] = None,
    pool: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="A file that describes the networks, in place of the options for them."),
    ] = None,
    condition: Condition = "clean",
    clean: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Trained on clean data despite --condition: teacher, baseline, or a student's NAME; repeatable.",
        ),
    ] = None,
    suite: Annotated[
        Suite | None,
        typer.Option(
            help="quick takes minutes on a laptop; full measures as the papers did.", show_default=Suite.quick.value
        ),
    ] = None,
    evaluation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Ask this evaluation in place of a suite, as robustkd list evaluations names it; repeatable.",
            show_default=False,
            autocompletion=completed(names_of("evaluation")),
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="M,M,M",
            help="The mean that their pixels are normalised with.",
            show_default="no normalisation",
            rich_help_panel=FOREIGN,
        ),
    ] = None,
    std: Annotated[
        str | None, typer.Option(metavar="S,S,S", help="The standard deviation; see --mean.", rich_help_panel=FOREIGN)
    ] = None,
    normalise: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=M,M,M/S,S,S",
            help="Mean and standard deviation of one network: teacher, baseline, or a student's NAME; repeatable.",
            show_default=False,
            rich_help_panel=FOREIGN,
        ),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="The size that images are resized to.", rich_help_panel=FOREIGN)
    ] = None,
    bgr: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A network that takes channels in the order blue, green, red, as of OpenCV; repeatable.",
            show_default=False,
            rich_help_panel=FOREIGN,
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]I,I,…",
            help="The output of each class, if networks have more, or of one network; imagenet: by WordNet names.",
            show_default=False,
            rich_help_panel=FOREIGN,
        ),
    ] = None,
    class_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="The same in a file: names to outputs, or a list.", rich_help_panel=FOREIGN
        ),
    ] = None,
    ema: Annotated[
        bool, typer.Option("--ema", help="Take averaged weights where there are any.", rich_help_panel=FOREIGN)
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(help="The number of test images, drawn at random.", show_default="all"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes that decode images on disk; no number depends on it.",
            show_default="one for each core",
            rich_help_panel=HOW,
        ),
    ] = None,
    out: Out = None,
    overrides: Override = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    skip_broken: SkipBroken = False,
    plugin: Plugin = None,
) -> None:
    """Measure trained models, made by robustkd or by other code, and write the report.

    A MODEL is [NAME=][ARCHITECTURE:]PATH. The architecture is any that timm knows, torchvision/NAME, or a function that
    builds the network: FILE.py::FUNCTION, MODULE::FUNCTION(KEY=VALUE). Checkpoints of robustkd, TorchScript archives,
    exported programs and the weights of widely used CIFAR code bases need none. hf:FOLDER and hf:ORG/NAME (an image
    classifier of transformers) and hf-hub:ORG/NAME (a network of timm) need no path.

    Example: robustkd evaluate --data cifar10 --teacher resnet34:t.pth --baseline resnet18:b.pth --student
    kd=resnet18:s.pth
    """
    for_all, own_classes = class_choices(classes or ())
    given = GivenPool(
        teacher=tuple(teacher or ()),
        baseline=tuple(baseline or ()),
        student=tuple(student or ()),
        control=tuple(control or ()),
        clean=tuple(clean or ()),
        mean=channels(mean, "--mean"),
        std=channels(std, "--std"),
        normalise=normalisations(normalise or ()),
        image_size=image_size,
        bgr=tuple(bgr or ()),
        classes=for_all,
        own_classes=own_classes,
        class_map=class_map,
        ema=ema,
    )
    given.check(pool)
    if suite is not None and evaluation:
        raise BadInputError("--evaluation takes the place of --suite: leave out one of them")
    load_named_plugins(plugin)
    options = _evaluation_options(tuple(overrides or ()))
    from robustkd.studies.yaml_text import parsed_option

    trained_under = parsed_option(condition, "--condition")

    from robustkd.data import load_dataset
    from robustkd.data.remarks import print_remarks, with_remarks
    from robustkd.studies import evaluate as evaluate_models
    from robustkd.studies.evaluate_models import evaluation_name
    from robustkd.studies.photographs import fit_to_photographs
    from robustkd.studies.pool_file import load_pool

    dataset = with_remarks(load_dataset(data, data_root, skip_broken=skip_broken).with_workers(workers))
    print_remarks(dataset)
    networks = load_pool(pool, dataset) if pool is not None else given.load(dataset)
    networks, dataset = fit_to_photographs(networks, dataset)
    evaluated = evaluate_models(
        networks,
        dataset,
        tuple(evaluation) if evaluation else (suite or Suite.quick).value,
        options=options,
        condition=trained_under,
        limit=limit,
        out=out if out is not None else Path("runs") / evaluation_name(networks, dataset),
        device=device,
    )
    if not show_results(evaluated):
        raise typer.Exit(1)


def _evaluation_options(overrides: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    from robustkd.studies.study_file import override

    options: dict[str, Any] = {}
    for text in overrides:
        override(options, text)
    wrong = next((name for name, value in options.items() if not isinstance(value, dict)), None)
    if wrong is not None:
        raise BadInputError(f"--set {wrong}: must be EVALUATION.OPTION=VALUE, as in transferability.steps=10")
    return options
