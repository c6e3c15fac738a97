"""The options and arguments that several commands share, and how a shell completes them."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from robustkd.errors import BadInputError


class Executor(StrEnum):
    """The place where the trainings of a study run."""

    local = "local"
    ray = "ray"


class Suite(StrEnum):
    """The amount that `robustkd evaluate` measures."""

    quick = "quick"
    full = "full"


class TrainedRole(StrEnum):
    """The role of a network that `robustkd train` trains."""

    teacher = "teacher"
    baseline = "baseline"
    student = "student"


class FigureSizes(StrEnum):
    """The sizes that `robustkd report` draws figures at."""

    page = "page"
    publication = "publication"


class ChartKind(StrEnum):
    """The kinds of charts on the page of a report."""

    interactive = "interactive"
    drawn = "drawn"


class Schema(StrEnum):
    """The files that `robustkd schema` describes."""

    study = "study"
    statement = "statement"


class Listing(StrEnum):
    """The kinds of things that `robustkd list` lists."""

    methods = "methods"
    evaluations = "evaluations"
    conditions = "conditions"
    datasets = "datasets"
    models = "models"
    claims = "claims"


def completed(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Complete a word by the names that begin with it.

    Args:
        names: Returns all names; called only when a shell asks.
    """

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def names_of(kind: Any) -> Callable[[], Iterable[str]]:
    """Return a function that reads the names of one kind of declarations from the source files.

    Args:
        kind: The kind, as for `declarations.declared`.
    """

    def names() -> Iterable[str]:
        from robustkd.declarations import declared

        return declared(kind)

    return names


def architecture_names() -> Iterable[str]:
    """Return the names of our networks and of timm's."""
    from robustkd.declarations import network_names, timm_names

    return [*network_names(), *timm_names()]


def load_named_plugins(given: Iterable[str] | None) -> None:
    """Load the plugins of `--plugin` before any name is looked up."""
    from robustkd.plugins import load_plugins

    load_plugins(tuple(given or ()))


def channels(text: str | None, option: str) -> list[float] | None:
    """Read numbers, one for each channel: ``0.49,0.48,0.45``."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise BadInputError(f"{option} {text!r}: must be one number for each channel, as in 0.49,0.48,0.45") from error


WHERE = "Files and plugins"
HOW = "Execution"
"""Panels of a help page."""

Plugin = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="A Python file or module that adds methods, evaluations, data, conditions or networks; repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="The run directory.", show_default="a new one under runs/", rich_help_panel=WHERE),
]
Device = Annotated[
    str,
    typer.Option(
        help="auto, cpu, cuda, cuda:1, mps, …",
        rich_help_panel=HOW,
        autocompletion=completed(lambda: ("auto", "cpu", "cuda", "mps")),
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        help="The directory of the data sets.",
        show_default="$ROBUSTKD_DATA, then the cache directory",
        rich_help_panel=WHERE,
    ),
]
StoreRoot = Annotated[
    Path | None,
    typer.Option(
        help="The directory of trained networks, which studies may share.",
        show_default="the run directory's own",
        rich_help_panel=WHERE,
    ),
]
Override = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting; repeatable.", show_default=False),
]
Threads = Annotated[
    int,
    typer.Option(min=1, help="CPU threads of each training; another number changes the rounding.", rich_help_panel=HOW),
]
DataName = Annotated[
    str,
    typer.Option(
        metavar="DATA",
        help="As robustkd list datasets lists them: cifar10, torchvision/NAME, folder:PATH[@SIZE][@OPTION=VALUE], ….",
        autocompletion=completed(names_of("data set")),
    ),
]
SkipBroken = Annotated[
    bool,
    typer.Option("--skip-broken", help="Leave out image files that cannot be used, and count them."),
]
Condition = Annotated[
    str,
    typer.Option(
        metavar="YAML",
        help="What was done to the training set, as in 'label_noise: {rate: 0.4}'.",
        autocompletion=completed(names_of("condition")),
    ),
]
