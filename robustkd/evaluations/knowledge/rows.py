"""From the records of the knowledge evaluation to tidy rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from robustkd.evaluations.knowledge.classes import class_changes
from robustkd.evaluations.knowledge.modal import changed_images
from robustkd.evaluations.knowledge.parts import parts_of
from robustkd.results.groups import groups_of, std_over_seeds
from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.measured import bounds, of_test
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import method_row
from robustkd.statistics.intervals import WILSON_IMAGES, wilson

Row = dict[str, Any]


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the knowledge evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`.
    """
    arrays, named = records.arrays, {metric.name: metric for metric in metrics}
    rows: list[Row] = []
    if "teacher" in arrays:
        parts = parts_of(arrays["teacher"], arrays["predicted"], arrays["labels"])
        rows += per_image_rows(records.members, parts, metrics)
        rows += _flip_rows(records, named["net_flips"])
    rows += _class_rows(records, named["changed_classes"], named["class_accuracy_gain"])
    return [*rows, *_modal_rows(records, named)]


def _flip_rows(records: Records, metric: Metric) -> Iterator[Row]:
    """The accuracy of each method minus the teacher's: for one network McNemar's test of the images that flip."""
    arrays = records.arrays
    correct = np.concatenate([arrays["predicted"], arrays["teacher"][None]]) == arrays["labels"]
    accuracy = MeanOverImages(correct)
    teacher = np.array([len(correct) - 1])
    for group in groups_of(records.members):
        own = accuracy.values[group.rows] - accuracy.values[-1]
        test = accuracy.of_difference(group.rows, teacher)
        known = {"value": float(own.mean()), "std": std_over_seeds(own), "n": correct.shape[1]}
        yield method_row(group, metric) | known | of_test(test, correct.shape[1])


def _class_rows(records: Records, share: Metric, gain: Metric) -> Iterator[Row]:
    """How many classes changed for each student, and the change of each class."""
    arrays = records.arrays
    names = [str(name) for name in arrays["class_names"]]
    for found in class_changes(records.members, arrays["predicted"], arrays["labels"]):
        yield method_row(found.student, share) | {"value": found.share, "n": int(found.images.sum())}
        row = {**method_row(found.student, gain), "level": "detail"}
        cells = zip(found.classes, found.images.tolist(), found.gains.tolist(), found.tests, strict=True)
        for label, images, value, test in cells:
            yield row | {"part": names[label], "value": value, "n": images} | of_test(test, images)


def _modal_rows(records: Records, named: dict[str, Metric]) -> Iterator[Row]:
    arrays = records.arrays
    for found in changed_images(records.members, arrays["predicted"], arrays["labels"]):
        for name, images in (("forgotten", found.forgotten), ("gained", found.gained)):
            interval = wilson(int(images.sum()), len(images)), WILSON_IMAGES
            known = {"value": float(images.mean()), "n": len(images)}
            yield method_row(found.student, named[name]) | known | bounds(interval, len(images))
