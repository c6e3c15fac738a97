"""Whether methods can be applied to a pair of networks, tested before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from robustkd.data import Batch
from robustkd.distillation.fitting import refuse_unfit
from robustkd.distillation.method import METHODS, Method
from robustkd.distillation.recipe import Recipe
from robustkd.errors import BadInputError
from robustkd.models import PixelModel, create_model
from robustkd.models.ensembles import ensemble


def inapplicable(
    methods: Mapping[str, Mapping[str, Any]],
    student: str,
    teacher: str | Sequence[str] | None,
    *,
    shape: tuple[int, int, int],
    num_classes: int,
    kinds: Mapping[str, str] | None = None,
    recipes: Mapping[str, Recipe] | None = None,
) -> dict[str, str]:
    """Return the methods that could not train a student, by trying each on two grey images.

    Both networks are built once, untrained; each method is constructed and supervises one batch in each of its stages.
    This takes a fraction of a second for the networks of the papers, and finds what a training would refuse at its
    start.

    Args:
        methods: The options of each method, by its name in `METHODS` or in `kinds`.
        student: The architecture of the student.
        teacher: The architecture of the teacher, or those of the members of an ensemble; None if no method needs one.
        shape: The shape of the images, (C, H, W).
        num_classes: The number of classes.
        kinds: The name in `METHODS` of methods that have another name.
        recipes: The recipes of methods; the default for those that are not in it.

    Returns:
        The reason, in one line, for each method that cannot be applied; empty if all can.

    Raises:
        ModelError: timm does not know an architecture or cannot build it.
    """
    channels, height, width = shape
    built = create_model(student, num_classes=num_classes, in_chans=channels, seed=0)
    taught_by = None
    if teacher is not None:
        members = [teacher] if isinstance(teacher, str) else teacher
        models = [
            create_model(name, num_classes=num_classes, in_chans=channels, seed=1 + index)
            for index, name in enumerate(members)
        ]
        taught_by = ensemble(models)
    batch = Batch(torch.full((2, channels, height, width), 0.5), torch.arange(2) % num_classes, torch.arange(2))
    reasons = {}
    for name, options in methods.items():
        kind = METHODS[(kinds or {}).get(name, name)]
        recipe = (recipes or {}).get(name, Recipe())
        try:
            _try(kind, options, built, taught_by if kind.needs_teacher else None, batch, recipe)
        except BadInputError as error:
            reasons[name] = str(error)
        except Exception as error:  # images too small for a network fail in it in any way
            first_line = str(error).partition("\n")[0]
            pair = (
                student if not kind.needs_teacher else f"{student} and {taught_by.architecture if taught_by else None}"
            )
            size = f"{channels}×{height}×{width}"
            reasons[name] = f"{name} fails with {pair} on images of {size}: {type(error).__name__}: {first_line}"
    return reasons


def _try(
    kind: type[Method],
    options: Mapping[str, Any],
    student: PixelModel,
    teacher: PixelModel | None,
    batch: Batch,
    recipe: Recipe,
) -> None:
    # methods may draw random numbers
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            method = kind(student, teacher, **options).eval()
        except ValueError as error:  # options that do not fit each other or the teacher
            raise BadInputError(str(error)) from error
        refuse_unfit(method, recipe)
        method.prepare(batch.labels.repeat(2))  # some methods need two images of each class
        seen = replace(batch, views=dict.fromkeys(method.views, batch.pixels))
        for stage in method.stages(recipe):
            method.begin_epoch(stage.name, 0, 1)
            method(seen)
