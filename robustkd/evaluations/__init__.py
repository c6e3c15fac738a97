"""The questions asked of trained models: one folder each, and the face that they share.

The ``__init__.py`` of such a folder reads from top to bottom: the question, the papers and what it needs; the options;
the registered class with `measure`, `summarise`, `chart`, `headline`; the pure functions it is made of. Only `measure`
may need torch, and imports it itself: a report is built without it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pandas as pd

from robustkd.plugins import digest_of
from robustkd.registry import Registry
from robustkd.results.metric import Metric
from robustkd.results.predictions import Predictions
from robustkd.results.records import Records

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset, ImageSet
    from robustkd.models import Member, ModelPool


class Predict(Protocol):
    """Gives a member's predictions for the test images, or for others; each is computed once."""

    def __call__(self, member: Member, images: ImageSet | None = None) -> Predictions:
        """See `PredictionCache`."""


@dataclass(frozen=True)
class Requirements:
    """What an evaluation needs of a pool.

    Attributes:
        predictions: Logits on the test images, cached; every member is asked once for all evaluations.
        networks: The networks themselves, with gradients: something is computed beyond logits on the test images.
        teacher: The pool must have one.
        training: What the members were trained on, where it is known: labels, or predictions for these images.
        baseline: Differences to an independent baseline are part of the answer; without one, it says so.
    """

    predictions: bool = True
    networks: bool = False
    teacher: bool = False
    training: bool = False
    baseline: bool = True


class Evaluation(ABC):
    """A question asked of all members of a pool.

    Attributes:
        name: As registered.
        title: For a heading.
        question: What it asks, in one sentence.
        version: Raised whenever the same models would give other records.
        requires: What it needs of a pool.
        metrics: What it gives.
        summary: The metrics that stand for it in a report's first table.
        across_conditions: Whether `chart` and `headline` take the results of all conditions of a study at once; if not,
            they are asked for each condition.
        reads_folders: Options that name a folder it reads; what is in these is part of the cache key. That of files is
            anyway.
        Options: A frozen dataclass.

    Args:
        options: An instance of `Options`; None for the defaults.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    version: ClassVar[int]
    requires: ClassVar[Requirements]
    metrics: ClassVar[tuple[Metric, ...]]
    summary: ClassVar[tuple[str, ...]]
    across_conditions: ClassVar[bool] = False
    reads_folders: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[Any]]

    def __init__(self, options: Any = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Look at the models; return what was seen for each image.

        Args:
            pool: The members of one condition.
            data: Its `condition` is theirs: `data.trained_on(member.seed)` is what a member was trained on.
            predict: Gives predictions.

        Returns:
            What was seen.
        """

    @abstractmethod
    def summarise(self, records: Records) -> pd.DataFrame:
        """Turn records into the tidy results of `tidy.COLUMNS`."""

    @abstractmethod
    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Draw the tidy results."""

    @abstractmethod
    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Say in a sentence or two, for each student at the most, what was found."""

    def files(self, pool: ModelPool) -> tuple[Path, ...]:
        """Name the files that it writes beside its records; where one is gone, it is measured anew."""
        return ()

    def passes(self, networks: int, methods: int, images: int) -> float:
        """Estimate its work beyond the predictions, in forward passes of one image; a backward pass counts as two.

        Args:
            networks: In the pool.
            methods: Of them, those that do not differ in their seed alone.
            images: In the test set.

        Returns:
            0 by default: most evaluations need predictions alone.
        """
        return 0.0

    def settings(self) -> dict[str, Any]:
        """What determines the records besides models and data; part of the cache key."""
        settings = {"evaluation": self.name, "version": self.version, "options": asdict(self.options)}
        plugin = digest_of(type(self))
        return settings | ({"plugin": plugin} if plugin else {})

    def metric(self, name: str) -> Metric:
        """Find one of its metrics by name."""
        return next(metric for metric in self.metrics if metric.name == name)


EVALUATIONS: Registry[type[Evaluation]] = Registry("evaluation", "robustkd.evaluations", Evaluation)
"""Evaluations by name."""
