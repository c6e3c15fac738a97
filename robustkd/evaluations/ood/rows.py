"""From the scores of all images to tidy rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robustkd.evaluations.ood.scores import SCORES
from robustkd.results.measured import Measured
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.part_rows import part_rows
from robustkd.results.records import Records
from robustkd.statistics.detection import auroc, average_precision, false_positive_rate, ranked
from robustkd.statistics.rank_correlation import rank_correlation
from robustkd.statistics.resampling import Observed, mean_of_defined, resampled

MEANS = {"near": "mean over near sets", "far": "mean over far sets"}

RESAMPLES = 1000
"""The number of resamples; each sorts nothing but counts every image once for each score and set."""

_DETECTION = {"auroc": auroc, "aupr": average_precision, "fpr95": false_positive_rate}


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Return every row that follows from the records.

    Args:
        records: The records of the evaluation.
        metrics: Its metrics.

    Returns:
        Rows for `tidy`: the means over all sets, then those over near and over far sets, then each set.
    """
    members = records.members
    images = _Images(records.arrays)
    detected = resampled([images.detection(row) for row in range(len(members))], images.count, resamples=RESAMPLES)
    rows = _rows(members, detected, metrics, images.parts)
    teacher, others = (np.flatnonzero((members["role"] == "teacher") == wanted) for wanted in (True, False))
    if len(teacher) and len(others):
        alike = resampled(
            [images.likeness(int(row), int(teacher[0])) for row in others], images.count, resamples=RESAMPLES
        )
        rows += _rows(members.iloc[others].reset_index(drop=True), alike, metrics, images.parts)
    return rows


def _rows(
    members: Any, measured: Mapping[str, Measured], metrics: tuple[Metric, ...], parts: Sequence[str]
) -> list[dict[str, Any]]:
    names = {name.partition("|")[0] for name in measured}
    rows = metric_rows(members, {name: measured[name] for name in measured if "|" not in name}, metrics)
    for part in parts:
        rows += part_rows(members, {name: measured[f"{name}|{part}"] for name in names}, metrics, part)
    return rows


class _Images:
    """The scores of all images, laid out in one row for each that is drawn independently of the others.

    A generated image is drawn together with the test image that it is made of. The images of other data sets follow the
    test images.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.inside = arrays["inside"]
        self.names = [str(name) for name in arrays["sets"]]
        self.outside = [arrays[f"outside_{place}"] for place in range(len(self.names))]
        test = self.inside.shape[2]
        self.places, self.count = [], test
        for scores, generated in zip(self.outside, arrays["generated"], strict=True):
            start = 0 if generated else self.count
            self.places.append(slice(start, start + scores.shape[2]))
            self.count = max(self.count, start + scores.shape[2])
        self.own = [not generated for generated in arrays["generated"]]
        self.near = np.flatnonzero(arrays["near"])
        groups = {"near": self.near, "far": np.flatnonzero(~arrays["near"])}
        self.groups = {MEANS[key]: group for key, group in groups.items() if len(group)}

    @property
    def parts(self) -> list[str]:
        """The means over near and far sets, and the sets."""
        return [*self.groups, *self.names]

    def detection(self, row: int) -> Observed:
        """How well the scores of a network tell the test images from each set."""
        rankings = {
            (score, place): ranked(self.inside[row, at], outside[row, at])
            for at, score in enumerate(SCORES)
            for place, outside in enumerate(self.outside)
        }
        test = slice(0, self.inside.shape[2])

        def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
            found: dict[str, list[np.ndarray]] = {f"{score}_{name}": [] for score in SCORES for name in _DETECTION}
            for (score, place), ranking in rankings.items():
                counts = ranking.counts(weights[:, test], weights[:, self.places[place]])
                for name, measure in _DETECTION.items():
                    found[f"{score}_{name}"].append(measure(*counts))
            return self._with_means(found)

        answers: dict[str, np.ndarray] = {}
        for at, score in enumerate(SCORES):
            every = np.concatenate(
                [self.inside[row, at], *(o[row, at] for o, own in zip(self.outside, self.own, strict=True) if own)]
            )
            for name in _DETECTION:
                answers |= dict.fromkeys(self._keys(f"{score}_{name}"), every)
        return Observed(statistics, answers)

    def likeness(self, row: int, teacher: int) -> Observed:
        """How the scores of a network and the teacher's are correlated over each set."""

        def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
            found = {
                f"{score}_correlation": [
                    rank_correlation(outside[row, at], outside[teacher, at], weights[:, places])
                    for outside, places in zip(self.outside, self.places, strict=True)
                ]
                for at, score in enumerate(SCORES)
            }
            return self._with_means(found)

        return Observed(statistics)

    def _with_means(self, found: Mapping[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
        values = {}
        for name, sets in found.items():
            every = self.near if name.endswith("_correlation") else np.arange(len(sets))
            values[name] = mean_of_defined(np.stack(sets)[every])
            values |= {f"{name}|{part}": mean_of_defined(np.stack(sets)[group]) for part, group in self.groups.items()}
            values |= {f"{name}|{part}": value for part, value in zip(self.names, sets, strict=True)}
        return values

    def _keys(self, name: str) -> list[str]:
        return [name, *(f"{name}|{part}" for part in self.parts)]
