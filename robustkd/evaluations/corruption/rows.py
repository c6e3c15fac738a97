"""From the records of the corruption evaluation to tidy rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from robustkd.evaluations.corruption.corruption_error import errors_of, flips_of, mean_corruption_error
from robustkd.results.comparison import Comparison
from robustkd.results.groups import Group, baseline_of, groups_of
from robustkd.results.marks import below_baseline
from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.measured import bounds, of_test
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import method_row
from robustkd.statistics.bootstrap import resampled_means
from robustkd.statistics.intervals import ROUNDING, Interval
from robustkd.statistics.studentised import OverImages, Side, Tested, t_test

Row = dict[str, Any]

MEAN = "mean over corruptions"
"""The part of the results that averages over corruptions."""


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the corruption evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`.
    """
    arrays = records.arrays
    named = {metric.name: metric for metric in metrics}
    correct = arrays["corrupted"] == arrays["label"]
    means = {
        "corruption_accuracy": correct.mean(axis=(1, 2), dtype=np.float64),
        "flip_rate": flips_of(records).mean(axis=1),
    }
    with_differences = tuple(metric for name in means for metric in _with_difference(metrics, name))
    return [
        *per_image_rows(records.members, means, with_differences),
        *_error_rows(records, named),
        *_agreement_rows(records, metrics),
        *_severity_rows(records, correct, named["corruption_accuracy"]),
    ]


def _with_difference(metrics: tuple[Metric, ...], name: str) -> tuple[Metric, ...]:
    return tuple(metric for metric in metrics if name in (metric.name, metric.difference_of))


def _agreement_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    members = records.members
    teacher = np.flatnonzero(members["role"] == "teacher")
    others = np.flatnonzero(members["role"] != "teacher")
    if len(teacher) == 0 or len(others) == 0:
        return []
    seen = records.arrays["corrupted"]
    agreed = (seen[others] == seen[teacher[0]]).mean(axis=(1, 2), dtype=np.float64)
    chosen = _with_difference(metrics, "corruption_agreement")
    return per_image_rows(members.iloc[others].reset_index(drop=True), {"corruption_agreement": agreed}, chosen)


def _error_rows(records: Records, named: dict[str, Metric]) -> Iterator[Row]:
    """The corruption errors of each method relative to its baseline's, which the part of the row names."""
    groups = groups_of(records.members)
    for name, plain in errors_of(records).items():
        rows: list[Row] = []
        compared: list[Comparison] = []
        for group in groups:
            baseline = group if group.who["role"] == "baseline" else baseline_of(group, groups)
            if baseline is None:
                continue
            row = method_row(group, named[name]) | {"part": f"relative to {baseline.method}", "n": plain.shape[-1]}
            value, test = _relative(plain, group, baseline)
            rows.append(row | value)
            if group.who["role"] == "student":
                compared.append(Comparison(group, baseline, value["value"] - 1 if test is not None else np.nan, test))
        below = below_baseline(named[name], compared)
        yield from (row | {"below_baseline": below.get(row["method"])} for row in rows)


def _relative(errors: np.ndarray, group: Group, baseline: Group) -> tuple[Row, Tested | None]:
    """The relative error of a method, and the test of its being 1, which is the baseline's own."""
    own, reference = (errors[each.rows].mean(axis=0) for each in (group, baseline))
    value = float(mean_corruption_error(own.mean(axis=-1), reference.mean(axis=-1)))
    if np.isnan(value) or group is baseline:
        return {"value": None if np.isnan(value) else value}, None
    per_seed = mean_corruption_error(errors[group.rows].mean(axis=-1), reference.mean(axis=-1))
    row: Row = {"value": value} | ({"std": float(per_seed.std(ddof=1))} if len(per_seed) > 1 else {})
    means = resampled_means(np.concatenate([own, reference]))
    samples = mean_corruption_error(means[:, : len(own)], means[:, len(own) :])
    known = samples[~np.isnan(samples)]
    if len(known) < 2:
        return row, None
    per_baseline = mean_corruption_error(own.mean(axis=-1), errors[baseline.rows].mean(axis=-1))
    sides = [Side(values, 0.0, 0.0) for values in (per_seed, per_baseline) if not np.isnan(values).any()]
    differing = int((np.abs(own - reference) > ROUNDING).any(axis=0).sum())
    test = t_test(value - 1, OverImages(float(known.var(ddof=1)), differing - 1), sides)
    low, high = (end + 1 for end in test.interval)
    return row | of_test(test._replace(interval=Interval(max(low, 0.0), high))), test


def _severity_rows(records: Records, correct: np.ndarray, metric: Metric) -> Iterator[Row]:
    """Accuracy by corruption and severity, for each method; the clean images are severity 0."""
    arrays = records.arrays
    severities = [0.0, *(float(severity) for severity in arrays["severities"])]
    clean = (arrays["clean"] == arrays["label"])[:, None]
    by_part = {MEAN: correct.mean(axis=1, dtype=np.float64)}
    by_part |= {str(name): correct[:, place] for place, name in enumerate(arrays["corruptions"])}
    for group in groups_of(records.members):
        row = {**method_row(group, metric), "level": "detail", "n": correct.shape[-1]}
        seeds = np.arange(len(group.rows))
        for part, levels in by_part.items():
            own = np.concatenate([clean[group.rows], levels[group.rows]], axis=1)
            for place, severity in enumerate(severities):
                seen = MeanOverImages(own[:, place])
                std = float(seen.values.std(ddof=1)) if len(seeds) > 1 else None
                known = {"part": part, "strength": severity, "value": float(seen.values.mean()), "std": std}
                yield row | known | bounds(seen.of_mean(seeds))
