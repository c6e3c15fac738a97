"""The data model of a study: the keys and values that a study file may contain."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from robustkd.data.augmentation import Augmentation
from robustkd.declarations import declared
from robustkd.distillation.recipe import Recipe
from robustkd.studies.network_entry import NetworkEntry


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def names_or_mapping(value: Any) -> Any:
    """Accept ``[a, b]`` and ``{a: , b: }`` as short forms of ``{a: {}, b: {}}``."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    if isinstance(value, Mapping):
        return {name: {} if options is None else options for name, options in value.items()}
    return value


def _one_or_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _named(value: Any) -> Any:
    """Accept ``clean`` as a short form of ``{clean: {}}``."""
    return {value: {}} if isinstance(value, str) else names_or_mapping(value)


Choices = Annotated[dict[str, dict[str, Any]], BeforeValidator(names_or_mapping), Field(min_length=1)]

Choice = Annotated[dict[str, dict[str, Any]], BeforeValidator(_named), Field(min_length=1, max_length=1)]

Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]

Seeds = Annotated[list[Seed], BeforeValidator(_one_or_list), Field(min_length=1)]

Architectures = Annotated[list[str], BeforeValidator(_one_or_list), Field(min_length=1)]


class DataSettings(_Settings):
    """The data set of a study.

    Attributes:
        name: The name of the data set, as for `load_dataset`.
        train_images: The number of training images to use, drawn in proportion to the class sizes; all if not given.
        test_images: The number of test images to use, drawn in the same way; all if not given.
        augmentation: The augmentation of the training images; the default of the data set if not given.
    """

    name: str
    train_images: Annotated[int, Field(ge=1)] | None = None
    test_images: Annotated[int, Field(ge=1)] | None = None
    augmentation: Augmentation | None = None


class TeacherSettings(NetworkEntry):
    """The network that the students learn from. It is trained on the labels alone, or given by its path.

    Attributes:
        architecture: The architecture of the teacher.
        seeds: One seed, or several seeds of which the recipe's rule `select` chooses one.
        training: The fields of the recipe that differ for the teacher, and their values.
        path: The checkpoint of a teacher that is not trained; then the following keys are as in a pool file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seeds: Seeds = Field(default=[0])
    training: dict[str, Any] = Field(default={})

    @model_serializer(mode="wrap")
    def _relevant(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only the keys that matter: those of a training, or those of a given network."""
        trained = ("architecture", *TRAINED_KEYS)
        return {
            key: value
            for key, value in write(self).items()
            if (key not in TRAINED_KEYS if self.has_weights else key in trained)
        }


TRAINED_KEYS = ("seeds", "training")
"""The keys of a teacher that the study trains."""


class StudentSettings(_Settings):
    """A family of students: one network for each architecture, method and seed.

    Attributes:
        architecture: One architecture, or several.
        methods: The names of the methods, or their names with options. The option `training` contains the fields of the
            recipe that differ for a method, and their values.
        seeds: One seed, or several.
        teacher: The teacher of these students; the teacher of the study if not given.
        control_teacher: Another teacher; every method that needs one learns from it too, as the control of what belongs
            to the teacher alone.
        training: The fields of the recipe that differ for these students, and their values.
    """

    architecture: Architectures
    methods: Choices
    seeds: Seeds
    teacher: TeacherSettings | None = None
    control_teacher: TeacherSettings | None = None
    training: dict[str, Any] = {}


class Study(_Settings):
    """A study: what to train and what to evaluate.

    Attributes:
        name: The name of the study, and of its run directory unless another is given.
        data: The data set.
        conditions: The conditions of the training set, one or several. All networks are trained under each condition.
        teacher: The teacher; may be omitted if no method needs one.
        students: The students, or a list of several families of students. Each family may have its own teacher.
        training: The recipe that all networks are trained with.
        evaluations: The names of the evaluations, or their names with options; all evaluations if not given.
        plugins: Python files (paths relative to the study file) or modules. They are imported before names are looked
            up.
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
        """Return the teacher of a family of students; None if it has none."""
        return students.teacher or self.teacher
