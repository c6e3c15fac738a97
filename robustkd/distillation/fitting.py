"""Whether a method can be trained with what a recipe shows it."""

from robustkd.distillation.method import Method
from robustkd.distillation.recipe import Recipe
from robustkd.errors import BadInputError


def refuse_unfit(method: Method, recipe: Recipe) -> None:
    """Refuse a recipe with settings that a method can make nothing of.

    Args:
        method: The method.
        recipe: The recipe.

    Raises:
        BadInputError: A setting does not fit; the message names it.
    """
    if problem := _problem(method, recipe):
        setting, why = problem
        raise BadInputError(f"{setting}: {method.name} {why}")


def _problem(method: Method, recipe: Recipe) -> tuple[str, str] | None:
    """The setting that does not fit, and why."""
    data, init = recipe.distillation_data, recipe.init
    if method.reads_labels and not data.has_one_label_each:
        called = "mixing" if data.mixing != "none" else "extra"
        return f"distillation_data.{called}", "needs one label for each image: use it with another method"
    if data.extra is not None and method.matches == "labels":
        return "distillation_data.extra", "has no use for images without labels, since it learns from labels alone"
    if data.extra is not None and data.extra.temperature is not None and not method.takes_temperatures:
        return "distillation_data.extra.temperature", "has no temperature of its own for some images; hinton has"
    if recipe.resampling == "over" and not method.takes_copies:
        return "resampling", "needs each image once: use under, or another method"
    if init.needs_teacher and not method.has_teacher:
        return "init", "has no teacher to begin with: set it for a method that has one"
    if init.needs_teacher and method.teacher.architecture != method.student.architecture:
        own, other = method.student.architecture, method.teacher.architecture
        return "init", f"has a {own} begin with a {other}: not possible"
    return None
