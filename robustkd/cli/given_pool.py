"""The networks that the options of `robustkd evaluate` name."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustkd.cli.models import load_option
from robustkd.cli.options import channels
from robustkd.errors import BadInputError, nearest
from robustkd.models.given import parse_model

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool, PixelModel

Normalisation = dict[str, list[float] | None]


@dataclass(frozen=True)
class GivenPool:
    """The networks, as written on the command line.

    Attributes:
        teacher: The teacher; several networks are one teacher, their ensemble.
        baseline: The independent networks.
        student: The students.
        control: The students of another teacher.
        clean: The names of those that were trained on clean data.
        mean: The mean of their normalisation.
        std: The standard deviation of their normalisation.
        normalise: Mean and standard deviation of single networks, by name.
        image_size: The size that images are resized to.
        bgr: The names of those that take channels in the order blue, green, red.
        classes: The output of each class; see `parse_classes`.
        own_classes: The same for single networks, by name.
        class_map: A file with the output of each class.
        ema: Whether to take averaged weights.
    """

    teacher: tuple[str, ...]
    baseline: tuple[str, ...]
    student: tuple[str, ...]
    control: tuple[str, ...]
    clean: tuple[str, ...]
    mean: list[float] | None
    std: list[float] | None
    normalise: dict[str, Normalisation]
    image_size: int | None
    bgr: tuple[str, ...]
    classes: str | None
    own_classes: dict[str, str]
    class_map: Path | None
    ema: bool

    def check(self, pool: Path | None) -> None:
        """Refuse what does not fit, before anything is loaded.

        Args:
            pool: A pool file that was given too.

        Raises:
            BadInputError: There is no network, or it is described twice.
        """
        if pool is not None:
            told = next((field.name for field in fields(self) if getattr(self, field.name)), None)
            if told is not None:
                option = told.removeprefix("own_").replace("_", "-")
                raise BadInputError(f"--pool describes the networks: leave out --{option}")
            return
        if not (self.teacher or self.baseline or self.student or self.control):
            raise BadInputError("nothing to evaluate: give --student, and --teacher and --baseline to compare it with")
        for text in self.control:
            if parse_model(text)[0] is None:
                raise BadInputError(f"--control {text}: must be NAME=MODEL, where NAME is that of a student")
        names = {"teacher", "baseline", *(parse_model(text)[0] or "" for text in (*self.student, *self.control))}
        for option, named in (("normalise", self.normalise), ("bgr", self.bgr), ("classes", self.own_classes)):
            for name in named:
                if name not in names:
                    raise BadInputError(f"--{option}: no network has the name {name!r}; {nearest(name, names - {''})}")
        if self.classes is not None and self.class_map is not None:
            raise BadInputError("--classes and --class-map say the same: give one of them")

    def load(self, data: "Dataset") -> "ModelPool":
        """Load the networks.

        Args:
            data: The images that they are evaluated on.
        """
        from robustkd.models import ModelPool
        from robustkd.models.class_map import parse_classes

        classes = self._chosen_classes(data.test.class_names)
        own_classes = {
            name: parse_classes(text, data.test.class_names, f"--classes {name}")
            for name, text in self.own_classes.items()
        }

        def load(text: str, option: str) -> "tuple[str, PixelModel]":
            name = parse_model(text)[0] if option in ("--student", "--control") else option.removeprefix("--")
            own: dict[str, Any] = {"mean": self.mean, "std": self.std} | self.normalise.get(name or "", {})
            own |= {"channel_order": "bgr"} if name in self.bgr else {}
            own["classes"] = own_classes.get(name or "", classes)
            return load_option(text, data, option, image_size=self.image_size, ema=self.ema, **own)

        teachers = [load(text, "--teacher")[1] for text in self.teacher]
        baselines = [load(text, "--baseline")[1] for text in self.baseline]
        by_name: dict[str, dict[str, list[PixelModel]]] = {"--student": {}, "--control": {}}
        for option, texts in (("--student", self.student), ("--control", self.control)):
            for text in texts:
                name, model = load(text, option)
                by_name[option].setdefault(name, []).append(model)
        students, controls = (
            {name: _one_or_more(models) for name, models in found.items()} for found in by_name.values()
        )
        pool = ModelPool(teachers or None, _one_or_more(baselines) if baselines else None, students, controls=controls)
        return _trained_clean(pool, self.clean)

    def _chosen_classes(self, class_names: Sequence[str]) -> list[int] | None:
        from robustkd.models.class_map import parse_classes, read_class_map

        if self.classes is not None:
            return parse_classes(self.classes, class_names)
        return read_class_map(self.class_map, class_names) if self.class_map is not None else None


def class_choices(given: Sequence[str]) -> tuple[str | None, dict[str, str]]:
    """Read ``I,I,…`` of all networks and ``NAME=I,I,…`` of single ones.

    Returns:
        The text for all networks, if there is one, and those of single networks, by name.

    Raises:
        BadInputError: Two are for the same networks.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, classes = text.rpartition("=")
        if name in found:
            raise BadInputError(f"--classes: given twice for {name if equals else 'all networks'}")
        found[name] = classes
    return found.pop("", None), found


def normalisations(given: Sequence[str]) -> dict[str, Normalisation]:
    """Read ``NAME=M,M,M/S,S,S`` of single networks.

    Raises:
        BadInputError: One does not have this form.
    """
    found: dict[str, Normalisation] = {}
    for text in given:
        name, equals, values = text.partition("=")
        mean, slash, std = values.partition("/")
        if not (equals and slash):
            raise BadInputError(f"--normalise {text!r}: must be NAME=MEAN/STD, as in kd=0.49,0.48,0.45/0.2,0.2,0.2")
        found[name] = {"mean": channels(mean, "--normalise"), "std": channels(std, "--normalise")}
    return found


def _trained_clean(pool: "ModelPool", names: Sequence[str]) -> "ModelPool":
    from robustkd.data import Clean
    from robustkd.models import ModelPool

    known = {member.method for member in pool}
    for name in names:
        if name not in known:
            raise BadInputError(f"--clean {name!r}: no such model; {nearest(name, known)}")
    clean = Clean().label
    return ModelPool(
        members=[replace(member, condition=clean) if member.method in names else member for member in pool]
    )


def _one_or_more(models: "list[PixelModel]") -> Any:
    return models[0] if len(models) == 1 else models
