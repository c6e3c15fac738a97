"""A pool of networks described in a YAML file: all that the options of `robustkd evaluate` say, for each network.

teacher: {path: t.pth, architecture: resnet34, mean: [0.49, 0.48, 0.45], std: [0.25, 0.24, 0.26]}
baseline: [resnet18:b0.pth, resnet18:b1.pth]
students:
kd: {path: kd.pth, architecture: "models.py::resnet(depth=20)", image_size: 32}
at: at.safetensors
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from robustkd.errors import BadInputError
from robustkd.models import Member, ModelPool, ensemble
from robustkd.models.given import parse_model
from robustkd.regular_file import why_not_a_file
from robustkd.roles import Role, control_name
from robustkd.studies.network_entry import NetworkEntry, placed_beside
from robustkd.studies.options import first_problem
from robustkd.studies.yaml_text import YAML_ERRORS, parsed, problem, problem_place

if TYPE_CHECKING:
    from robustkd.data import Dataset


def _entry(given: Any) -> Any:
    """A text is ``[ARCHITECTURE:]PATH``."""
    if not isinstance(given, str):
        return given
    _, architecture, path = parse_model(given)
    return {"architecture": architecture, "path": path}


def _entries(given: Any) -> Any:
    return given if isinstance(given, list) or given is None else [given]


class PoolEntry(NetworkEntry):
    """A network of a pool file.

    Attributes:
        condition: The condition of its training set, if it is not that of the others: ``clean``.
    """

    condition: str = ""


Entry = Annotated[PoolEntry, BeforeValidator(_entry)]

Entries = Annotated[list[Entry], BeforeValidator(_entries)]
"""One network, or one for each seed."""


class PoolFile(BaseModel):
    """The content of a pool file.

    Attributes:
        teacher: The teacher; several networks are one teacher, their ensemble.
        baseline: The independent network, or one for each seed.
        students: For each name a network, or one for each seed.
        controls: The same of students of another teacher, by the name of the student.
    """

    model_config = ConfigDict(extra="forbid")

    teacher: Entries | None = None
    baseline: Entries = Field(default_factory=list)
    students: dict[str, Entries] = Field(default_factory=dict)
    controls: dict[str, Entries] = Field(default_factory=dict)


def load_pool(path: Path | str, data: Dataset) -> ModelPool:
    """Load the networks of a pool file.

    Args:
        path: The file.
        data: The images that they are evaluated on.

    Returns:
        The pool.

    Raises:
        BadInputError: The file is not valid; the message names the key.
        ModelError: A network cannot be loaded; the message names it.
    """
    file = Path(path).expanduser()
    content = _content(file)
    members = []
    if content.teacher:
        members.append(_teacher(content.teacher, file, data))
    named: list[tuple[str, Role, list[PoolEntry]]] = [("baseline", "baseline", content.baseline)]
    named += [(name, "student", entries) for name, entries in content.students.items()]
    named += [(control_name(name), "control", entries) for name, entries in content.controls.items()]
    for name, role, entries in named:
        for seed, entry in enumerate(entries):
            members.append(_member(entry, name, role, seed if len(entries) > 1 else None, file, data))
    if not members:
        raise BadInputError(f"{file}: has no network: give teacher, baseline or students")
    return ModelPool(members=members)


def _content(file: Path) -> PoolFile:
    if problem_of_file := why_not_a_file(file):
        raise BadInputError(f"{file}: {problem_of_file}")
    try:
        content = parsed(file.read_text(encoding="utf-8"))
    except YAML_ERRORS as error:
        raise BadInputError(f"{file}{problem_place(error)}: not valid YAML ({problem(error)})") from error
    if not isinstance(content, dict):
        raise BadInputError(f"{file}: must have the keys teacher, baseline and students")
    try:
        return PoolFile.model_validate(content)
    except ValidationError as error:
        found = first_problem(error, PoolFile, ())
        raise BadInputError(f"{file}: {found}") from error


def _teacher(entries: list[PoolEntry], file: Path, data: Dataset) -> Member:
    networks = [_member(entry, "teacher", "teacher", None, file, data) for entry in entries]
    conditions = {network.condition for network in networks}
    if len(conditions) > 1:
        raise BadInputError(f"{file}: teacher: the networks of an ensemble must have one condition")
    return replace(networks[0], model=ensemble([network.model for network in networks]))


def _member(entry: PoolEntry, name: str, role: Role, seed: int | None, file: Path, data: Dataset) -> Member:
    placed = entry.model_copy(update=placed_beside(file, dict(entry)))
    model = placed.load(data, f"{file}: {name}")
    return replace(Member(model, role, name, seed), condition=entry.condition)
