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
    model_validator,
)

from robustkd.data.augmentation import Augmentation
from robustkd.declarations import declared
from robustkd.distillation.recipe import Recipe
from robustkd.models.combination import Combination
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

NAME = r"^[\w][\w.-]*$"
"""What a name may consist of, since it becomes part of the names of files."""

Architectures = Annotated[list[str], BeforeValidator(_one_or_list), Field(min_length=1)]


class DataSettings(_Settings):
    """The data set of a study.

    Attributes:
        name: The name of the data set, as for `load_dataset`.
        train_images: The number of training images to use, drawn in proportion to the class sizes; all if not given.
        test_images: The number of test images to use, drawn in the same way; all if not given.
        augmentation: The augmentation of the training images; the default of the data set if not given.
        mean: The mean that all trained networks subtract from pixels in [0, 1], for each channel; with `std`. Without
            both, pixels are not normalised.
        std: The standard deviation that they divide by.
    """

    name: str
    train_images: Annotated[int, Field(ge=1)] | None = None
    test_images: Annotated[int, Field(ge=1)] | None = None
    augmentation: Augmentation | None = None
    mean: list[float] | None = None
    std: list[Annotated[float, Field(gt=0)]] | None = None

    @model_validator(mode="after")
    def _both(self) -> "DataSettings":
        if (self.mean is None) != (self.std is None):
            raise ValueError("give both mean and std, or neither")
        return self


def _architecture_alone(value: Any) -> Any:
    """Accept ``cifar_resnet20`` as a short form of ``{architecture: cifar_resnet20}``."""
    return {"architecture": value} if isinstance(value, str) else value


class AssistantSettings(_Settings):
    """A network between the teacher and the students, which learns from the network before it and teaches the next.

    Mirzadeh et al., *Improved Knowledge Distillation via Teacher Assistant* (arXiv 1902.03393).

    Attributes:
        architecture: Its architecture.
        method: The method that it is trained with, or the method with its options.
        seed: Its seed.
        training: The fields of the recipe that differ for it, and their values.
    """

    architecture: str
    method: Choice = {"hinton": {}}
    seed: Seed = 0
    training: dict[str, Any] = {}


Chain = Annotated[
    list[Annotated[AssistantSettings, BeforeValidator(_architecture_alone)]], BeforeValidator(_one_or_list)
]


class EnsembleMember(NetworkEntry):
    """One of several networks that teach together. It is trained on the labels alone, or given by its path.

    Attributes:
        seed: Its seed.
        training: The fields of the recipe that differ for it, and their values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seed: Seed = 0
    training: dict[str, Any] = Field(default={})

    @model_serializer(mode="wrap")
    def _relevant(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only the keys of a training, or those of a given network."""
        trained = ("architecture", "seed", "training")
        return {
            key: value
            for key, value in write(self).items()
            if (key not in trained[1:] if self.has_weights else key in trained)
        }


_NONE = object()


class TeacherSettings(NetworkEntry):
    """The network that the students learn from. It is trained on the labels alone, or given by its path.

    Attributes:
        architecture: The architecture of the teacher.
        seeds: One seed, or several seeds of which the recipe's rule `select` chooses one.
        training: The fields of the recipe that differ for the teacher, and their values.
        method: The method that it is trained with, one without a teacher, or the method with its options.
        members: The number of networks of an ensemble. They have consecutive seeds from the seed on, or as many seeds
            as there are members. Or a list of networks, each with its architecture and seed, or with its path.
        combine: What an ensemble predicts: ``probabilities``, their mean, or ``logits``, their mean.
        assistants: Networks between the teacher and the students, in order: architectures, or mappings with
            `architecture`, `method`, `seed` and `training`. Students learn from the last one.
        condition: The condition of its training set, if it is not that of the students.
        untrained: Whether it keeps the initial weights of its seed: the control of what students learn from any
            teacher, even one that knows nothing.
        path: The checkpoint of a teacher that is not trained; then the following keys are as in a pool file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    seeds: Seeds = Field(default=[0])
    training: dict[str, Any] = Field(default={})
    method: Choice = Field(default={"baseline": {}})
    members: Annotated[int, Field(ge=1)] | Annotated[list[EnsembleMember], Field(min_length=2)] = 1
    combine: Combination = "probabilities"
    assistants: Chain = Field(default=[])
    condition: str | dict[str, dict[str, Any]] = ""
    untrained: Annotated[bool, Field(strict=True)] = False

    @property
    def trained_seeds(self) -> list[int]:
        """The seeds of the networks of its architecture: candidates for the teacher, or the members of an ensemble."""
        if isinstance(self.members, list) or self.has_weights:
            return []
        first, *others = self.seeds
        return self.seeds if others or self.members == 1 else list(range(first, first + self.members))

    @property
    def trained(self) -> list[tuple[str, int]]:
        """The architectures and seeds of the networks that the study makes for it."""
        if isinstance(self.members, list):
            return [(str(each.architecture), each.seed) for each in self.members if not each.has_weights]
        return [(str(self.architecture), seed) for seed in self.trained_seeds]

    @property
    def size(self) -> int:
        """The number of networks that teach together; 1 where there is no ensemble."""
        return len(self.members) if isinstance(self.members, list) else self.members

    @model_serializer(mode="wrap")
    def _relevant(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Only the keys that matter: those of a training, those of a given network, and no combinations that do not."""
        if self.has_weights:
            left_out: tuple[str, ...] = TRAINED_KEYS
        elif isinstance(self.members, list):
            left_out = (*TRAINED_KEYS, *NetworkEntry.model_fields)
        else:
            left_out = tuple(key for key in NetworkEntry.model_fields if key != "architecture")
        alone = {"members": 1, "method": {"baseline": {}}, "assistants": [], "condition": "", "untrained": False}
        left_out += ("combine",) if self.size == 1 else ()
        left_out += UNTRAINED_LACKS if self.untrained else ()
        return {
            key: value for key, value in write(self).items() if key not in left_out and alone.get(key, _NONE) != value
        }


TRAINED_KEYS = ("seeds", "training", "method")
"""The keys of a teacher that the study trains."""

UNTRAINED_LACKS = ("training", "method", "condition", "assistants")
"""The keys that an untrained teacher does not have."""


class StudentSettings(_Settings):
    """A family of students: one network for each architecture, method and seed.

    Attributes:
        architecture: One architecture, or several.
        methods: The names of the methods, or their names with options. Beside the options of a method, `training`
            contains the fields of the recipe that differ for it, and their values; `method` is the method of an entry
            that has another name, so that one method can have several entries; `teacher` is another teacher that this
            entry learns from, while all are compared with that of the family; and `assistants` replaces those of the
            teacher.
        seeds: One seed, or several.
        teacher: The teacher of these students; the teacher of the study if not given.
        teachers: Several teachers by name, instead of one: there are students of each.
        control_teacher: Another teacher; every method that needs one learns from it too, as the control of what belongs
            to the teacher alone.
        training: The fields of the recipe that differ for these students, and their values.
    """

    architecture: Architectures
    methods: Choices
    seeds: Seeds
    teacher: TeacherSettings | None = None
    teachers: dict[Annotated[str, Field(pattern=NAME)], TeacherSettings] = {}
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

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    data: DataSettings
    conditions: Annotated[list[Choice], BeforeValidator(_one_or_list), Field(min_length=1)] = [{"clean": {}}]
    teacher: TeacherSettings | None = None
    students: Annotated[list[StudentSettings], BeforeValidator(_one_or_list), Field(min_length=1)]
    training: Recipe = Recipe()
    plugins: list[str] = []
    evaluations: Choices = Field(default_factory=lambda: names_or_mapping(list(declared("evaluation"))))

    def teachers_of(self, students: StudentSettings) -> dict[str, TeacherSettings | None]:
        """Return the teachers of a family of students by name; a single one, or none, has an empty name."""
        return {**students.teachers} or {"": students.teacher or self.teacher}
