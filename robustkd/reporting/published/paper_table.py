"""What a paper published, in the words of robustkd."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLAIN: Mapping[str, Any] = {
    "label_smoothing": 0.0,
    "init": "random",
    "split": "all",
    "resampling": "none",
    "rotation": 0.0,
    "vertical_flip": False,
    "colour_jitter": 0.0,
    "policy": "none",
    "mixing": "none",
    "extra": None,
}
"""The settings of a recipe that no paper departs from unless a cell says so."""


@dataclass(frozen=True)
class PaperCell:
    """One published number.

    Attributes:
        setting: What the cells that are ranked together have in common, such as the student.
        name: What tells it from the other cells of its setting, in the paper's words: mostly the method.
        mean: The number as printed, in the unit of its table.
        std: The published standard deviation over trainings, in the same unit; NaN where the paper gives none.
        trainings: The number of trainings behind it; 0 where the paper does not say.
        method: The name of the method in robustkd; ``baseline`` for a network without a teacher.
        students: The architectures of the student in robustkd.
        teachers: The architectures of the teacher; empty for methods without one.
        condition: The label of the condition of the training set in robustkd.
        required: The options and settings of the recipe that tell this cell from others.
        stated: The options and settings that the paper states for this cell, where another value is a difference.
        repeated: Whether the number stands in another table too, so that it is not shown here for itself.
    """

    setting: str
    name: str
    mean: float
    method: str
    students: tuple[str, ...]
    std: float = math.nan
    trainings: int = 0
    teachers: tuple[str, ...] = ()
    condition: str = "clean"
    required: Mapping[str, Any] = field(default_factory=dict)
    stated: Mapping[str, Any] = field(default_factory=dict)
    repeated: bool = False

    @property
    def is_baseline(self) -> bool:
        """Whether it is the network without a teacher."""
        return self.method == "baseline"


@dataclass(frozen=True)
class PaperTable:
    """A published table, or one metric of it.

    Attributes:
        paper: The key of the paper, such as ``sarfraz2020``.
        cited: The paper in a sentence, such as ``Sarfraz et al. 2020``.
        place: Where it stands in the paper, such as ``Table III``.
        title: What it is about.
        rows: What its rows are, in the singular: ``method``, ``teacher`` or ``setting``.
        cells: The numbers.
        data: The data set.
        train_images: The number of training images that the paper begins with.
        test_images: The number of test images.
        evaluation: The evaluation that measures the same.
        metric: Its metric.
        title_of_metric: The metric in a sentence, such as ``accuracy``.
        unit: ``%`` or ``nats``; a fraction is measured and a percentage printed.
        gain_metric: The metric of the difference to the baseline.
        difference: What a difference to the baseline is called, such as ``gain over the baseline``.
        differences: The same in the plural.
        recipe: The settings of the recipe that the paper states.
        stand_ins: Other networks that a run may have in the student's place, which is then named as a difference.
        teacher_tells: Whether the teacher tells a cell from others; otherwise another teacher is a difference.
        family: Tables of one family share their cells; only the one that fits a run best is shown.
        at_least: The fewest cells that make a comparison.
        options: The options of the evaluation that the paper states.
        remarks: What a reader must know about the published numbers, in whole sentences.
    """

    paper: str
    cited: str
    place: str
    title: str
    rows: str
    cells: tuple[PaperCell, ...]
    data: str
    train_images: int
    test_images: int
    evaluation: str
    metric: str
    title_of_metric: str
    recipe: Mapping[str, Any]
    unit: str = "%"
    gain_metric: str = ""
    difference: str = "gain over the baseline"
    differences: str = "gains over the baseline"
    stand_ins: tuple[str, ...] = ()
    teacher_tells: bool = False
    family: str = ""
    at_least: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
