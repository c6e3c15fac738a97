"""The questions asked of trained models: one folder each, and the interface that they share.

The ``__init__.py`` of such a folder reads from top to bottom: the question, the papers and what it needs; the options;
the registered class; the pure functions it is made of. A class must have `name`, `question`, `metrics` and `measure`;
everything else has a default. Only `measure` may need torch, and imports it itself: a report is built without it.
Charts import altair themselves: a measurement runs without it.

Called like a function, the package lists the evaluations:

>>> import robustkd as rk
>>> "fidelity" in list(rk.evaluations()["evaluation"])
True
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pandas as pd

from robustkd import catalogue
from robustkd.errors import BadInputError
from robustkd.plugins import digest_of
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.pictures import Picture
from robustkd.presentation.sentences import generic_sentences
from robustkd.registry import Registry
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.predictions import Predictions
from robustkd.results.records import Records
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt
    import numpy as np

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, ModelPool


class Predict(Protocol):
    """Returns a member's predictions for the test images, or for others; each is computed once."""

    def __call__(self, member: Member, images: ImageSet | None = None) -> Predictions:
        """See `PredictionCache`."""

    def kept(
        self, name: str, members: Sequence[Member], settings: Any, compute: Callable[[], Mapping[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """See `PredictionCache`."""


@dataclass(frozen=True)
class Requirements:
    """The properties of a pool that an evaluation requires.

    Attributes:
        predictions: Logits on the test images. They are cached, so that each member predicts once for all evaluations.
        networks: The networks themselves, with gradients: something is computed beyond logits on the test images.
        gradients: Gradients with respect to the image; members that have none are left out.
        teacher: A teacher in the pool.
        training: What the members were trained on, where it is known: labels, or predictions for these images.
        baseline: Differences to an independent baseline are part of the answer; without one, it says so.
        course: What the checkpoints say of the fidelity along their training (`Recipe.evaluate_every`).
        condition: The name of the condition that the members must be trained under; empty for any.
    """

    predictions: bool = True
    networks: bool = False
    gradients: bool = False
    teacher: bool = False
    training: bool = False
    baseline: bool = True
    course: bool = False
    condition: str = ""


@dataclass(frozen=True)
class NoOptions:
    """This evaluation has no options."""


class Evaluation(ABC):
    """A question about all members of a pool.

    Attributes:
        name: The name under which it is registered.
        title: The heading of its section; by default the name.
        question: The question in one sentence.
        version: A number that is raised whenever the same models would give other records.
        requires: What the evaluation requires of a pool; by default, predictions.
        metrics: The metrics it reports.
        cites: Its papers, as in ``Stanton et al. 2021; Geirhos et al. 2020``.
        reading: How to read its numbers, in two or three sentences.
        chance: The value that chance alone gives, in a sentence.
        control: What the numbers are compared with, in a sentence.
        caveats: What the numbers cannot show, or what may mislead in them, in a sentence or two.
        cost: What it costs, in a sentence.
        summary: The metrics that represent it in the first table of a report; by default, the first one.
        across_conditions: Whether `chart` and `headline` take the results of all conditions of a study at once; if not,
            they are called for each condition.
        reads_folders: The options that name a folder it reads, or data sets in folders. The content of these folders is
            part of the cache key; that of files always is.
        Options: A frozen dataclass; by default without fields.

    Args:
        options: An instance of `Options`; None for the defaults.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    version: ClassVar[int] = 1
    requires: ClassVar[Requirements] = Requirements()
    metrics: ClassVar[tuple[Metric, ...]]
    cites: ClassVar[str] = ""
    reading: ClassVar[str] = ""
    chance: ClassVar[str] = ""
    control: ClassVar[str] = ""
    caveats: ClassVar[str] = ""
    cost: ClassVar[str] = ""
    summary: ClassVar[tuple[str, ...]]
    across_conditions: ClassVar[bool] = False
    reads_folders: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[Any]] = NoOptions

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if hasattr(cls, "name") and not hasattr(cls, "title"):
            cls.title = cls.name.replace("_", " ").capitalize()
        if hasattr(cls, "metrics") and not hasattr(cls, "summary"):
            cls.summary = tuple(metric.name for metric in cls.metrics[:1])

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Run the models and record the outcome for each image.

        Args:
            pool: The members of one condition.
            data: The data set. Its `condition` is theirs: `data.trained_on(member.seed, member.role)` is what a member
                was trained on.
            predict: Returns predictions.

        Returns:
            The records.
        """

    def inapplicable(self, pool: ModelPool, data: Dataset) -> str:
        """Return why the question cannot be asked of these networks and images, such as ``needs …``; empty if it can.

        It is skipped then, in one line; nothing fails.
        """
        return ""

    def summarise(self, records: Records) -> pd.DataFrame:
        """Turn records into the tidy results of `tidy.COLUMNS`.

        By default, the arrays of shape (members, images) that are named after metrics become their means over images,
        with intervals, and metrics that declare `difference_of` become differences to the baseline.

        Args:
            records: The result of `measure`.

        Raises:
            BadInputError: By default, if no array is named after a metric.
        """
        values = {metric.name: records.arrays[metric.name] for metric in self.metrics if metric.name in records.arrays}
        if not values:
            names = ", ".join(metric.name for metric in self.metrics)
            raise BadInputError(
                f"evaluation {self.name}: define summarise, or record an array named after one of {names}"
            )
        return tidy(per_image_rows(records.members, values, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Draw the tidy results; by default the first summary metric by method, as dots with intervals."""
        return dots_and_intervals(frame, self._shown(frame))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Word the findings in a sentence or two, at most one for each student.

        By default each student's value of the first summary metric and its difference to the baseline.
        """
        return generic_sentences(frame, self.metrics, self._shown(frame).name)

    def pictures(self, records: Records) -> tuple[Picture, ...]:
        """Return pictures of images for the report, made of what the records hold; none by default."""
        return ()

    def _shown(self, frame: pd.DataFrame) -> Metric:
        """The first summary metric that has rows, else the first metric that has."""
        known = set(frame["metric"])
        named = [*map(self.metric, self.summary), *self.metrics]
        return next((metric for metric in named if metric.name in known), named[0])

    def files(self, pool: ModelPool) -> tuple[Path, ...]:
        """Return the files that it writes in addition to its records; if one is missing, it is measured again."""
        return ()

    def reads(self, data: Dataset) -> tuple[str, ...]:
        """Return digests of the images that it reads besides the test images; they are part of the cache key.

        Args:
            data: The data set.
        """
        return ()

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Estimate the work besides the predictions, in forward passes of one image; a backward pass counts as two.

        Args:
            networks: The number of networks in the pool.
            methods: The number of methods; networks of one method differ only in their seed.
            images: The number of test images.

        Returns:
            0 by default: most evaluations only need predictions.
        """
        return 0.0

    def settings(self) -> dict[str, Any]:
        """Return what determines the records besides models and data; it is part of the cache key."""
        settings = {"evaluation": self.name, "version": self.version, "options": asdict(self.options)}
        plugin = digest_of(type(self))
        return settings | ({"plugin": plugin} if plugin else {})

    def metric(self, name: str) -> Metric:
        """Return one of its metrics by name."""
        return next(metric for metric in self.metrics if metric.name == name)


EVALUATIONS: Registry[type[Evaluation]] = Registry("evaluation", "robustkd.evaluations", Evaluation)
"""Evaluations by name."""


class _ListingPackage(ModuleType):
    """Lets `robustkd.evaluations()` list the evaluations, although the name is that of this package."""

    def __call__(self) -> pd.DataFrame:
        """See `catalogue.evaluations`."""
        return catalogue.evaluations()


sys.modules[__name__].__class__ = _ListingPackage
