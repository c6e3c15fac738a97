"""A study as data: what a study file may hold."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from robustkd.data.augmentation import Augmentation
from robustkd.declarations import declared
from robustkd.distillation.recipe import Recipe


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def names_or_mapping(value: Any) -> Any:
    """Allow ``[a, b]`` and ``{a: , b: }`` for ``{a: {}, b: {}}``."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    if isinstance(value, Mapping):
        return {name: {} if options is None else options for name, options in value.items()}
    return value


def _one_or_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _named(value: Any) -> Any:
    """Allow ``clean`` for ``{clean: {}}``."""
    return {value: {}} if isinstance(value, str) else names_or_mapping(value)


Choices = Annotated[dict[str, dict[str, Any]], BeforeValidator(names_or_mapping), Field(min_length=1)]

Choice = Annotated[dict[str, dict[str, Any]], BeforeValidator(_named), Field(min_length=1, max_length=1)]

Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]

Seeds = Annotated[list[Seed], BeforeValidator(_one_or_list), Field(min_length=1)]

Architectures = Annotated[list[str], BeforeValidator(_one_or_list), Field(min_length=1)]


class DataSettings(_Settings):
    """The images of a study.

    Attributes:
        name: As for `load_dataset`.
        train_images: Train on this many images of the training set only, of each class in proportion; all if not given.
        augmentation: Replaces the data set's own.
    """

    name: str
    train_images: Annotated[int, Field(ge=1)] | None = None
    augmentation: Augmentation | None = None


class TeacherSettings(_Settings):
    """The network to learn from, trained on the labels alone; of several seeds the recipe's rule `select` takes one.

    Attributes:
        architecture: Its network.
        seeds: One, or several to choose from.
        training: What of the recipe is different for it.
    """

    architecture: str
    seeds: Seeds = [0]
    training: dict[str, Any] = {}


class StudentSettings(_Settings):
    """One network for each architecture, method and seed.

    Attributes:
        architecture: One, or several.
        methods: Names, or names with their options; the option `training` holds what of the recipe is different.
        seeds: One, or several.
        teacher: Theirs; the study's if not given.
        training: What of the recipe is different for them.
    """

    architecture: Architectures
    methods: Choices
    seeds: Seeds
    teacher: TeacherSettings | None = None
    training: dict[str, Any] = {}


class Study(_Settings):
    """A study: what to train and what to evaluate.

    Attributes:
        name: Names the run directory.
        data: The images.
        conditions: What is done to the training set, one after another; all networks are trained under each.
        teacher: The teacher; may be left out where no method needs one.
        students: The students; a list where there are several families, each with a teacher of its own.
        training: The recipe of all networks.
        evaluations: Names, or names with their options.
        plugins: Python files, relative to the study file, or modules that are imported before names are looked up.
    """

    name: Annotated[str, Field(pattern=r"^[\w][\w.-]*$", max_length=100)]
    data: DataSettings
    conditions: Annotated[list[Choice], BeforeValidator(_one_or_list), Field(min_length=1)] = [{"clean": {}}]
    teacher: TeacherSettings | None = None
    students: Annotated[list[StudentSettings], BeforeValidator(_one_or_list), Field(min_length=1)]
    training: Recipe = Recipe()
    plugins: list[str] = []
    evaluations: Choices = Field(default_factory=lambda: names_or_mapping(list(declared("evaluation"))))

    def teacher_of(self, students: StudentSettings) -> TeacherSettings | None:
        """Return the teacher of a family of students."""
        return students.teacher or self.teacher
