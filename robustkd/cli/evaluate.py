"""`robustkd evaluate`: measure trained models, made by robustkd or by other code."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robustkd.cli.models import load_given, parse_model
from robustkd.cli.options import (
    Condition,
    DataName,
    DataRoot,
    Device,
    Out,
    Override,
    Plugin,
    Suite,
    channels,
    load_named_plugins,
)
from robustkd.cli.results_table import show_results
from robustkd.errors import BadInputError, nearest

if TYPE_CHECKING:
    from robustkd.models import ModelPool, PixelModel

FOREIGN = "Checkpoints of other code"


def evaluate(
    data: DataName,
    teacher: Annotated[
        str | None, typer.Option(metavar="MODEL", help="The teacher, as [NAME=][ARCHITECTURE:]PATH.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="The same network trained without a teacher; repeat for more seeds."),
    ] = None,
    student: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL", help="A student; repeat for more, with the same NAME= for more seeds."),
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
        Suite, typer.Option(help="quick takes minutes on a laptop; full measures as the papers did.")
    ] = Suite.quick,
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
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="I,I,…",
            help="The output of each class, if networks have more of them; imagenet: by WordNet identifiers.",
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
    out: Out = None,
    overrides: Override = None,
    device: Device = "auto",
    data_root: DataRoot = None,
    plugin: Plugin = None,
) -> None:
    """Measure trained models, made by robustkd or by other code, and write the report.

    A MODEL is [NAME=][ARCHITECTURE:]PATH. The architecture is any that timm knows, torchvision/NAME, or a function that
    builds the network: FILE.py::FUNCTION, MODULE::FUNCTION(KEY=VALUE). Checkpoints of robustkd, TorchScript archives,
    exported programs and the weights of widely used CIFAR code bases need none.

    Example: robustkd evaluate --data cifar10 --teacher resnet34:t.pth --baseline resnet18:b.pth --student
    kd=resnet18:s.pth
    """
    if not (teacher or baseline or student):
        raise BadInputError("nothing to evaluate: give --student, and --teacher and --baseline to compare it with")
    own = _normalisations(
        normalise or [], {"teacher", "baseline", *(parse_model(text)[0] or "" for text in student or ())}
    )
    load_named_plugins(plugin)
    options = _evaluation_options(tuple(overrides or ()))
    from robustkd.studies.yaml_text import parsed_option

    trained_under = parsed_option(condition, "--condition")

    from robustkd.data import load_dataset
    from robustkd.data.remarks import print_remarks, with_remarks
    from robustkd.models import ModelPool
    from robustkd.studies import evaluate as evaluate_models
    from robustkd.studies.evaluate_models import evaluation_name
    from robustkd.studies.photographs import fit_to_photographs

    dataset = with_remarks(load_dataset(data, data_root))
    print_remarks(dataset)
    loading = {"mean": channels(mean, "--mean"), "std": channels(std, "--std"), "image_size": image_size, "ema": ema}

    chosen = _chosen_classes(classes, class_map, dataset.test.class_names)

    def load(text: str, option: str) -> "tuple[str, PixelModel]":
        name = parse_model(text)[0] if option == "--student" else option.removeprefix("--")
        return load_given(text, dataset, option, chosen, **loading | own.get(name or "", {}))

    taught_by = load(teacher, "--teacher")[1] if teacher else None
    baselines = [load(text, "--baseline")[1] for text in baseline or ()]
    students: dict[str, list[PixelModel]] = {}
    for text in student or ():
        name, model = load(text, "--student")
        students.setdefault(name, []).append(model)
    pool = ModelPool(
        taught_by,
        _one_or_more(baselines) if baselines else None,
        {name: _one_or_more(models) for name, models in students.items()},
    )
    pool, dataset = fit_to_photographs(_trained_clean(pool, clean or []), dataset)
    evaluated = evaluate_models(
        pool,
        dataset,
        suite.value,
        options=options,
        condition=trained_under,
        limit=limit,
        out=out if out is not None else Path("runs") / evaluation_name(pool, dataset),
        device=device,
    )
    show_results(evaluated)


def _trained_clean(pool: "ModelPool", names: list[str]) -> "ModelPool":
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


def _chosen_classes(classes: str | None, class_map: Path | None, class_names: Sequence[str]) -> list[int] | None:
    from robustkd.models.class_map import parse_classes, read_class_map

    if classes is not None and class_map is not None:
        raise BadInputError("--classes and --class-map say the same: give one of them")
    if classes is not None:
        return parse_classes(classes, class_names)
    return read_class_map(class_map, class_names) if class_map is not None else None


def _normalisations(given: list[str], names: set[str]) -> dict[str, dict[str, list[float] | None]]:
    """Read ``NAME=M,M,M/S,S,S`` for some of the networks."""
    found = {}
    for text in given:
        name, equals, values = text.partition("=")
        mean, slash, std = values.partition("/")
        if not (equals and slash):
            raise BadInputError(f"--normalise {text!r}: must be NAME=MEAN/STD, as in kd=0.49,0.48,0.45/0.2,0.2,0.2")
        if name not in names:
            raise BadInputError(
                f"--normalise {text!r}: no network has the name {name!r}; {nearest(name, names - {''})}"
            )
        found[name] = {"mean": channels(mean, "--normalise"), "std": channels(std, "--normalise")}
    return found


def _evaluation_options(overrides: tuple[str, ...]) -> dict[str, dict[str, Any]]:
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
