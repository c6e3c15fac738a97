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

from robustkd.errors import BadInputError, ModelError
from robustkd.models import Member, ModelPool
from robustkd.models.class_map import check_classes, parse_classes
from robustkd.models.given import GivenModel, load_given, parse_model
from robustkd.models.hub.load import TRANSFORMERS, is_on_hub
from robustkd.models.pixel_model import ChannelOrder
from robustkd.regular_file import why_not_a_file
from robustkd.studies.options import first_problem
from robustkd.studies.yaml_text import YAML_ERRORS, parsed, problem, problem_place

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models.pool import Role


class NetworkEntry(BaseModel):
    """A network in a pool file.

    Attributes:
        path: The file, relative to the pool file; not needed if the function `architecture` brings the weights.
        architecture: As on the command line; files of code are relative to the pool file too.
        options: Further arguments of timm's `create_model`.
        mean: The mean of its normalisation.
        std: The standard deviation of its normalisation.
        image_size: The size that images are resized to.
        channel_order: ``bgr`` if it takes the channels in the order blue, green, red.
        ema: Whether to take averaged weights.
        classes: The output of each class of the data, or ``imagenet``.
        condition: The condition of its training set, if it is not that of the others: ``clean``.
    """

    model_config = ConfigDict(extra="forbid")

    path: str | None = None
    architecture: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    mean: list[float] | None = None
    std: list[float] | None = None
    image_size: Annotated[int, Field(ge=1)] | None = None
    channel_order: ChannelOrder = "rgb"
    ema: bool = False
    classes: list[Annotated[int, Field(ge=0)]] | str | None = None
    condition: str = ""


def _entry(given: Any) -> Any:
    """A text is ``[ARCHITECTURE:]PATH``."""
    if not isinstance(given, str):
        return given
    _, architecture, path = parse_model(given)
    return {"architecture": architecture, "path": path}


def _entries(given: Any) -> Any:
    return given if isinstance(given, list) or given is None else [given]


Entry = Annotated[NetworkEntry, BeforeValidator(_entry)]

Entries = Annotated[list[Entry], BeforeValidator(_entries)]
"""One network, or one for each seed."""


class PoolFile(BaseModel):
    """The content of a pool file.

    Attributes:
        teacher: The teacher.
        baseline: The independent network, or one for each seed.
        students: For each name a network, or one for each seed.
    """

    model_config = ConfigDict(extra="forbid")

    teacher: Entry | None = None
    baseline: Entries = Field(default_factory=list)
    students: dict[str, Entries] = Field(default_factory=dict)


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
    if content.teacher is not None:
        members.append(_member(content.teacher, "teacher", "teacher", None, file, data))
    named: list[tuple[str, Role, list[NetworkEntry]]] = [("baseline", "baseline", content.baseline)]
    named += [(name, "student", entries) for name, entries in content.students.items()]
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


def _member(entry: NetworkEntry, name: str, role: Role, seed: int | None, file: Path, data: Dataset) -> Member:
    if entry.path is None and not _brings_weights(entry.architecture):
        raise BadInputError(f"{file}: {name}: give the path of its weights")
    classes = entry.classes
    if isinstance(classes, str):
        classes = parse_classes(classes, data.test.class_names, f"{file}: {name}: classes")
    elif classes is not None:
        classes = check_classes(classes, data.test.class_names, f"{file}: {name}: classes")
    fields = entry.model_dump(exclude={"condition", "classes", "path", "architecture"})
    given = GivenModel(_beside(file, entry.path), _code_beside(file, entry.architecture), **fields, classes=classes)
    try:
        model = load_given(given, data.num_classes, data.test.pixels(0, 1))
    except ModelError as error:
        raise ModelError(f"{file}: {name}: {error}") from error
    return replace(Member(model, role, name, seed), condition=entry.condition)


def _brings_weights(architecture: str | None) -> bool:
    return architecture is not None and ("::" in architecture or is_on_hub(architecture))


def _beside(file: Path, path: str | None) -> str | None:
    return None if path is None else str(file.parent / Path(path).expanduser())


def _code_beside(file: Path, architecture: str | None) -> str | None:
    """Files of code and folders are relative to the pool file, modules and repositories are not."""
    kind, colon, folder = (architecture or "").partition(":")
    if kind + colon == TRANSFORMERS and (found := Path(str(_beside(file, folder)))).is_dir():
        return f"{TRANSFORMERS}{found}"
    place, colons, function = (architecture or "").partition("::")
    return f"{_beside(file, place)}::{function}" if colons and place.endswith(".py") else architecture
