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
    data = recipe.distillation_data
    problem = None
    if method.reads_labels and not data.has_one_label_each:
        called = "mixing" if data.mixing != "none" else "extra"
        problem = f"distillation_data.{called}: needs one label for each image: use it with another method"
    elif data.extra is not None and method.matches == "labels":
        problem = "distillation_data.extra: has no use for images without labels, since it learns from labels alone"
    elif data.extra is not None and data.extra.temperature is not None and not method.takes_temperatures:
        problem = "distillation_data.extra.temperature: has no temperature of its own for some images; hinton has"
    elif recipe.resampling == "over" and not method.takes_copies:
        problem = "resampling: needs each image once: use under, or another method"
    elif recipe.init.needs_teacher and not method.has_teacher:
        problem = "init: has no teacher to begin with: set it for a method that has one"
    elif recipe.init.needs_teacher and method.teacher.architecture != method.student.architecture:
        problem = f"init: has a {method.student.architecture} begin with a {method.teacher.architecture}: not possible"
    if problem is not None:
        key, _, why = problem.partition(": ")
        raise BadInputError(f"{key}: {method.name} {why}")
