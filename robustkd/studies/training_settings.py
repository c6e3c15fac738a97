"""All that determines a training: what its identity, and with it its place in the store, is computed from."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from robustkd.data import DATASETS
from robustkd.distillation import METHODS, Recipe
from robustkd.errors import StudyError
from robustkd.models.network_source import network_source
from robustkd.plugins import digest_of
from robustkd.regular_file import why_not_a_file
from robustkd.results.storage import file_digest
from robustkd.roles import Role
from robustkd.studies.training_sets import TrainingSets


def training_settings(
    training_sets: TrainingSets,
    seed: int,
    role: Role,
    architecture: str,
    recipe: Recipe,
    method: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return all that determines a training, apart from the teachers.

    Args:
        training_sets: The training sets under the condition of the training.
        seed: The seed of the training.
        role: The role of the network.
        architecture: The architecture of the network.
        recipe: The recipe.
        method: The method.
        options: The options of the method.

    Returns:
        The settings of the job; code of plugins and content of files are in it as digests.

    Raises:
        StudyError: The checkpoint that the recipe begins with is not a file.
    """
    data = training_sets.data
    source, colon, _ = data.name.partition(":")
    digests = {
        "method": digest_of(METHODS[method]),
        "architecture": network_source(architecture),
        "condition": digest_of(type(data.condition)),
        "data": digest_of(DATASETS[source + colon]) if source + colon in DATASETS.names() else None,
    }
    plugins = {name: digest for name, digest in digests.items() if digest is not None}
    extra = recipe.distillation_data.extra
    return {
        **training_sets.settings(seed, role),
        "method": method,
        "method_version": METHODS[method].version,
        "options": dict(options),
        "recipe": asdict(_without_path(recipe)),
        "architecture": architecture,
        **({"extra": training_sets.extras.digest(extra)} if extra is not None else {}),
        **({"plugins": plugins} if plugins else {}),
    }


def _without_path(recipe: Recipe) -> Recipe:
    """The recipe with the digest of the checkpoint that it begins with, instead of its path."""
    if recipe.init.path is None:
        return recipe
    file = Path(recipe.init.path)
    if problem := why_not_a_file(file):
        raise StudyError(f"training.init.path: {file}: {problem}")
    return replace(recipe, init=replace(recipe.init, path=file_digest(file)))
