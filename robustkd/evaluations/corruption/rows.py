"""From the records of the corruptions to tidy rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from robustkd.results.comparison import Comparison
from robustkd.results.groups import Group, baseline_of, groups_of
from robustkd.results.marks import below_baseline
from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Check, Records
from robustkd.results.tidy import method_row
from robustkd.statistics.bootstrap import bootstrap_of_means
from robustkd.statistics.intervals import BOOTSTRAP_IMAGES, Interval

Row = dict[str, Any]

GENERATED = " (generated)"
MEAN = "mean over corruptions"

_LESS_THAN_ANY_IMAGE = 1e-9
"""What arithmetic leaves of a difference of two equal rates is no error."""


HANDFUL = 5
"""Errors; relative to fewer of the baseline's, those of others say nothing."""


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Give every row that the records hold an answer for.

    Args:
        records: Of the corruption evaluation.
        metrics: Its metrics.
    """
    arrays = records.arrays
    named = {metric.name: metric for metric in metrics}
    correct = arrays["corrupted"] == arrays["label"]
    accuracy = {"corruption_accuracy": correct.mean(axis=(1, 2), dtype=np.float64)}
    return [
        *per_image_rows(records.members, accuracy, _with_difference(metrics, "corruption_accuracy")),
        *_error_rows(records, correct, named),
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


def mean_corruption_error(errors: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Relate errors to a reference's, corruption by corruption, and average (Hendrycks and Dietterich 2019, section 4).

    Args:
        errors: (..., C), of each corruption: sums or means over severities; or what these exceed the clean error by.
        reference: (..., C), the same of the reference.

    Returns:
        (...,), the mean over the corruptions whose reference is positive; NaN where there is none.
    """
    defined = reference > _LESS_THAN_ANY_IMAGE
    ratios = np.where(defined, errors, 0) / np.where(defined, reference, 1)
    count = defined.sum(axis=-1)
    return np.asarray(np.where(count > 0, ratios.sum(axis=-1) / np.maximum(count, 1), np.nan))


def reference_checks(records: Records) -> list[Check]:
    """Check that each baseline errs often enough under every corruption for others' errors to be related to its own.

    Args:
        records: Of the corruption evaluation.

    Returns:
        For each baseline a check of its errors, and one of those that corruption adds; none where it makes none at all.
    """
    names, severities = records.arrays["corruptions"], len(records.arrays["severities"])
    correct = records.arrays["corrupted"] == records.arrays["label"]
    checks = []
    for group in groups_of(records.members):
        for metric, errors in _errors(records, correct).items() if group.who["role"] == "baseline" else ():
            made = errors[group.rows].mean(axis=0).sum(axis=-1) * severities
            related = np.where(made > _LESS_THAN_ANY_IMAGE, made, np.inf)
            fewest, where = round(float(related.min()), 6), str(names[related.argmin()]).removesuffix(GENERATED)
            if np.isinf(fewest):
                continue
            kind = "errors" if metric == "mce" else "added errors"
            detail = f"{kind} of {group.method} under {where}: {fewest:g}, fewest of all corruptions"
            detail += "" if fewest >= HANDFUL else "; too few to relate others' to"
            member = str(records.members["member"].iloc[group.rows[0]])
            checks.append(Check("baseline errs often enough", fewest >= HANDFUL, detail, member, (metric,)))
    return checks


def _errors(records: Records, correct: np.ndarray) -> dict[str, np.ndarray]:
    """By metric what it relates: errors, or those that corruption adds, float64 (M, C, N), mean over severities."""
    clean_wrong = records.arrays["clean"] != records.arrays["label"]
    wrong = 1 - correct.mean(axis=2, dtype=np.float64)
    return {"mce": wrong, "relative_mce": wrong - clean_wrong[:, None]}


def _error_rows(records: Records, correct: np.ndarray, named: dict[str, Metric]) -> Iterator[Row]:
    """The corruption errors of each method relative to the baseline's; the part names that baseline."""
    groups = groups_of(records.members)
    for name, plain in _errors(records, correct).items():
        rows: list[Row] = []
        compared: list[Comparison] = []
        for group in groups:
            baseline = group if group.who["role"] == "baseline" else baseline_of(group, groups)
            if baseline is None:
                continue
            row = method_row(group, named[name]) | {"part": f"relative to {baseline.method}", "n": plain.shape[-1]}
            rows.append(row | _relative(plain, group, baseline))
            if group.who["role"] == "student":
                compared.append(_excess(rows[-1], group, baseline))
        below = below_baseline(named[name], compared)
        yield from (row | {"below_baseline": below.get(row["method"])} for row in rows)


def _excess(row: Row, group: Group, baseline: Group) -> Comparison:
    """The relative error minus 1, which is the baseline's own."""
    value, low, high = (np.nan if row.get(end) is None else row[end] - 1 for end in ("value", "ci_low", "ci_high"))
    return Comparison(group, baseline, value, None if np.isnan(low) else (Interval(low, high), BOOTSTRAP_IMAGES))


def _relative(errors: np.ndarray, group: Group, baseline: Group) -> Row:
    own, reference = (errors[each.rows].mean(axis=0) for each in (group, baseline))
    value = float(mean_corruption_error(own.mean(axis=-1), reference.mean(axis=-1)))
    if np.isnan(value) or group is baseline:
        return {"value": None if np.isnan(value) else value}
    half = len(own)
    interval = bootstrap_of_means(
        lambda means: mean_corruption_error(means[:, :half], means[:, half:]), np.concatenate([own, reference])
    )
    per_seed = mean_corruption_error(errors[group.rows].mean(axis=-1), reference.mean(axis=-1))
    spread = {"std": float(per_seed.std(ddof=1))} if len(per_seed) > 1 else {}
    if interval is None:
        return {"value": value} | spread
    return {"value": value, "ci_low": interval.low, "ci_high": interval.high, "interval": BOOTSTRAP_IMAGES} | spread


def _severity_rows(records: Records, correct: np.ndarray, metric: Metric) -> Iterator[Row]:
    """Accuracy by corruption and severity, clean at 0, for each method."""
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
