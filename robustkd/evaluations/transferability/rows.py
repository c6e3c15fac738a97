"""From the records of the transfer matrix to tidy rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from robustkd.evaluations.transferability.matrix import (
    VARIANTS,
    Counted,
    Counting,
    Pair,
    fooling_rate,
    jointly_correct,
    pair_of,
    robust,
    success_matrix,
)
from robustkd.evaluations.transferability.strength import ALL_SOURCES, strongest_transferred
from robustkd.results.groups import groups_of, with_baselines
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.measured import Bounds, bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.statistics.bootstrap import bootstrap_ratio_difference, defined_percentiles, resampled_means
from robustkd.statistics.intervals import (
    BOOTSTRAP_IMAGES,
    ROUNDING,
    T_SEEDS,
    WILSON_IMAGES,
    Interval,
    t_over_seeds,
    unvaried,
    wilson,
)
from robustkd.statistics.resampling import mean_of_defined, ratio
from robustkd.statistics.significance import holm, mcnemar

Row = dict[str, Any]

METRIC_OF = {
    "jointly_correct": "transfer_success",
    "fooled_source": "transfer_success_fooled_source",
    "fooling_rate": "fooling_rate",
}

MEAN_INTERVAL = "95% over test images, mean of the networks' intervals"
DETAILS = ("white_box_accuracy_8bit", "withstood_first")


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Give every row that the records hold an answer for.

    Args:
        records: Of the transferability evaluation.
        metrics: Its metrics.
    """
    rates = [*_mean_rows(records), *_from_teacher_rows(records), *_asymmetry_rows(records)]
    return [
        *_pair_rows(records),
        *rates,
        *_over_seeds(records, rates),
        *_own_rows(records, metrics),
        *_masking_rows(records),
        *_standardised_rows(records),
        *_variant_rows(records),
        *_class_rows(records),
        *_sweep_rows(records),
    ]


def teacher_of(members: pd.DataFrame) -> int | None:
    """Say where the teacher stands among the members; None without one."""
    found = np.flatnonzero(members["role"] == "teacher")
    return int(found[0]) if len(found) else None


def _targets(members: pd.DataFrame) -> list[int]:
    """The published matrix has the teacher as a source only."""
    return [int(index) for index in np.flatnonzero(members["role"] != "teacher")]


def _pair_rows(records: Records) -> Iterator[Row]:
    for source in range(len(records.members)):
        for target in _targets(records.members):
            counted = jointly_correct(pair_of(records.arrays, source, target))
            yield _pair_row(records, source, target, "pair", "transfer_success", counted)


def _variant_rows(records: Records) -> Iterator[Row]:
    """Other ways of counting, and every attack shown to the teacher."""
    everyone = range(len(records.members))
    teacher = teacher_of(records.members)
    for variant, counting in VARIANTS.items():
        for source in everyone:
            for target in everyone if counting is not jointly_correct else [] if teacher is None else [teacher]:
                counted = counting(pair_of(records.arrays, source, target))
                yield _pair_row(records, source, target, "detail", METRIC_OF[variant], counted)


def _class_rows(records: Records) -> Iterator[Row]:
    """Of each class: every pair of the published matrix."""
    arrays, members = records.arrays, records.members
    names = [str(name) for name in arrays["class_names"]]
    for target in _targets(members):
        who = _row(members, target) | {"level": "detail", "metric": "transfer_success"}
        for source in range(len(members)):
            counted = jointly_correct(pair_of(arrays, source, target))
            events, eligible = (
                np.bincount(arrays["label"][chosen], minlength=len(names))
                for chosen in (counted.events, counted.eligible)
            )
            for name, fooled, count in zip(names, events.tolist(), eligible.tolist(), strict=True):
                pair = {"source": members["member"][source], "part": f"class {name}"}
                yield who | pair | _rate(fooled, count)


def _mean_rows(records: Records) -> Iterator[Row]:
    """Means over sources, and over targets, with and without a network's attack on itself."""
    members, targets = records.members, _targets(records.members)
    rates = success_matrix(records.arrays)[:, targets]
    samples, images = _resampled_rates(records, targets)
    own = np.arange(len(members))[:, None] == np.array(targets)
    for column, target in enumerate(targets):
        for others, kept in ((False, np.ones(len(members), dtype=bool)), (True, ~own[:, column])):
            mean = _mean_row(rates[kept, column], samples[:, kept, column], images[kept, column])
            yield _row(members, target) | _named("mean_on_target", others) | mean
    for source in range(len(members)):
        for others, kept in ((False, np.ones(len(targets), dtype=bool)), (True, ~own[source])):
            mean = _mean_row(rates[source, kept], samples[:, source, kept], images[source, kept])
            yield _row(members, source) | _named("mean_from_source", others) | mean


def _resampled_rates(records: Records, targets: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The published matrix in resamples of the images, float64 (R, sources, targets), and how many images count.

    NaN where it is not defined.
    """
    sources = range(len(records.members))
    counted = [jointly_correct(pair_of(records.arrays, source, target)) for source in sources for target in targets]
    seen = np.stack([*(each.events for each in counted), *(each.eligible for each in counted)]).astype(np.float64)
    means = resampled_means(seen)
    rates = ratio(means[:, : len(counted)], means[:, len(counted) :])
    shape = (len(sources), len(targets))
    return rates.reshape(-1, *shape), np.array([int(each.eligible.sum()) for each in counted]).reshape(shape)


def _mean_row(rates: np.ndarray, samples: np.ndarray, images: np.ndarray) -> Row:
    defined = ~np.isnan(rates)
    if not defined.any():
        return {"value": None}
    value = float(rates[defined].mean())
    interval = defined_percentiles(mean_of_defined(samples.T))
    if interval is not None and interval.high - interval.low < ROUNDING:
        interval = unvaried(value, int(images[defined].min()))
    return {"value": value} | bounds(None if interval is None else (interval, BOOTSTRAP_IMAGES))


def _named(metric: str, others: bool) -> Row:
    return {"level": "detail", "metric": f"{metric}_others"} if others else {"metric": metric}


def _from_teacher_rows(records: Records) -> Iterator[Row]:
    members, teacher = records.members, teacher_of(records.members)
    if teacher is None:
        return
    for target in _targets(members):
        counted = fooling_rate(pair_of(records.arrays, teacher, target))
        yield (
            _row(members, target) | {"metric": "fooling_rate", "source": members["member"][teacher]} | _rate_of(counted)
        )
    yield from _excess_rows(records, teacher, "teacher_transfer_excess", jointly_correct)
    yield from _excess_rows(records, teacher, "fooling_rate_excess", fooling_rate)


def _excess_rows(records: Records, teacher: int, metric: str, counting: Counting) -> list[Row]:
    """Each student against its baseline: the same attacks on the teacher, the same images."""
    rows, p_values = [], []
    for target, baseline in with_baselines(records.members):
        of_target, of_baseline = (counting(pair_of(records.arrays, teacher, seen)) for seen in (target, baseline))
        row = _row(records.members, target) | {"metric": metric, "source": records.members["member"][teacher]}
        found = _difference(of_target, of_baseline)
        if found:
            both = of_target.eligible & of_baseline.eligible
            p_values.append(mcnemar(of_target.events[both], of_baseline.events[both]))
            rows.append(row | found)
    adjusted = holm(p_values)
    return [row | {"p_holm": float(p)} for row, p in zip(rows, adjusted, strict=True)]


def _asymmetry_rows(records: Records) -> Iterator[Row]:
    members, teacher = records.members, teacher_of(records.members)
    if teacher is None:
        return
    for student in _targets(members):
        up, down = (pair_of(records.arrays, *pair) for pair in ((student, teacher), (teacher, student)))
        found = _difference(jointly_correct(up), jointly_correct(down))
        if found:
            yield _row(members, student) | {"metric": "asymmetry"} | found


def _own_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """What is said of each network by attacks on itself: means over images."""
    arrays, everyone = records.arrays, np.arange(len(records.members))
    first = arrays["adversarial"][everyone, everyone] == arrays["label"]
    values = {
        "white_box_accuracy": first,
        "white_box_accuracy_8bit": arrays["rounded"] == arrays["label"],
        "worst_case_accuracy": robust(arrays),
        "withstood_first": first & (arrays["clean"] == arrays["label"]),
        "zero_gradients": arrays["zero_gradient"].astype(bool),
    }
    named = [metric for metric in metrics if metric.name in values or metric.difference_of in values]
    names = [str(name) for name in arrays["attacks"]]
    for row in per_image_rows(records.members, values, tuple(named)):
        ran = names if row["metric"].startswith("worst_case") else names[:1]
        beside = {"level": "detail"} if row["metric"] in DETAILS else {}
        # nobody is ranked by how many of its gradients vanish
        unranked = {"below_baseline": None, "ties_best": None} if row["metric"] == "zero_gradients" else {}
        part = {} if unranked else {"part": " + ".join(ran)}
        yield row | part | beside | unranked


def _masking_rows(records: Records) -> Iterator[Row]:
    """The strongest transferred attack on each target against its own, on the same images."""
    arrays, members = records.arrays, records.members
    for target in _targets(members):
        found = strongest_transferred(arrays, target, jointly_correct(pair_of(arrays, target, target)))
        if found is None:
            continue
        row = _row(members, target) | {
            "level": "detail",
            "metric": "masking",
            "source": members["member"][found.source],
        }
        yield row | {"value": found.excess, "n": found.images} | bounds((found.interval, ALL_SOURCES))


def _standardised_rows(records: Records) -> Iterator[Row]:
    """Transfer from the teacher of examples that were made through its standardised logits."""
    arrays, members, teacher = records.arrays, records.members, teacher_of(records.members)
    if teacher is None or "from_teacher" not in arrays:
        return
    clean, seen = arrays["clean"], arrays["from_teacher"]
    for target in _targets(members):
        pair = Pair(arrays["label"], clean[teacher], clean[target], seen[teacher], seen[target])
        row = _pair_row(records, teacher, target, "detail", "transfer_success", jointly_correct(pair))
        yield row | {"part": str(arrays["from_teacher_attack"])}


def _sweep_rows(records: Records) -> Iterator[Row]:
    """White-box accuracy and transfer from the teacher at every ε of the sweep, the matrix's own among them."""
    arrays, members, teacher = records.arrays, records.members, teacher_of(records.members)
    if len(arrays["sweep"]) == 0:
        return
    attacked = {float(epsilon): at for epsilon, at in zip(arrays["epsilons"], arrays["sweep"], strict=True)}
    attacked[float(arrays["epsilon"])] = arrays["adversarial"]
    for epsilon, at in sorted(attacked.items()):
        setting = {"part": f"ε = {epsilon:.4g}", "strength": epsilon}
        for member in range(len(members)):
            right = at[member, member] == arrays["label"]
            row = _row(members, member) | {"level": "detail", "metric": "white_box_accuracy"}
            yield row | _rate(int(right.sum()), len(right)) | setting
        if teacher is None:
            continue
        for target in _targets(members):
            counted = jointly_correct(pair_of(arrays, teacher, target, at))
            yield _pair_row(records, teacher, target, "detail", "transfer_success", counted) | setting


def _over_seeds(records: Records, rows: Iterable[Row]) -> Iterator[Row]:
    """The mean of a method's networks, of every metric that is not a mean over images."""
    values = [row for row in rows if row["level"] == "network" and row["value"] is not None]
    for group in groups_of(records.members):
        names = {records.members["member"][row] for row in group.rows}
        own = [row for row in values if row["member"] in names]
        for metric in dict.fromkeys(row["metric"] for row in own):
            yield _method_row(group.method, [row for row in own if row["metric"] == metric])


def _method_row(method: str, networks: list[Row]) -> Row:
    row = {**networks[0], "level": "method", "member": method, "seed": None, "n_seeds": len(networks)}
    if len(networks) == 1:
        return row
    values = np.array([network["value"] for network in networks])
    row |= {"value": float(values.mean()), "std": float(values.std(ddof=1)), "p_holm": None}
    return row | {"ci_low": None, "ci_high": None, "interval": None} | bounds(_of_mean(values, networks))


def _of_mean(values: np.ndarray, networks: list[Row]) -> Bounds | None:
    """The variation between trainings from three seeds on; of two, what other images would have made of their mean.

    The standard error of a mean is at most the mean of the standard errors, whatever their dependence; so the mean of
    the networks' intervals is wide enough.
    """
    if (over_seeds := t_over_seeds(values)) is not None:
        return over_seeds, T_SEEDS
    low, high = (np.mean([network.get(end, np.nan) for network in networks]) for end in ("ci_low", "ci_high"))
    return None if np.isnan(low) else (Interval(float(low), float(high)), MEAN_INTERVAL)


def _pair_row(records: Records, source: int, target: int, level: str, metric: str, counted: Counted) -> Row:
    who = _row(records.members, target) | {"level": level, "source": records.members["member"][source]}
    return who | {"metric": metric} | _rate_of(counted)


def _row(members: pd.DataFrame, index: int) -> Row:
    keys = ("member", "role", "method", "architecture", "condition", "seed")
    return {"level": "network", **{key: members[key][index] for key in keys}}


def _rate_of(counted: Counted) -> Row:
    return _rate(int(counted.events.sum()), int(counted.eligible.sum()))


def _rate(events: int, count: int) -> Row:
    if count == 0:
        return {"value": None, "n": 0}
    low, high = wilson(events, count)
    return {"value": events / count, "ci_low": low, "ci_high": high, "interval": WILSON_IMAGES, "n": count}


def _difference(first: Counted, second: Counted) -> Row:
    """First rate minus second; empty where either is not defined."""
    if not (first.eligible.any() and second.eligible.any()):
        return {}
    found = bootstrap_ratio_difference((first.events, second.events), (first.eligible, second.eligible))
    interval = {} if found is None else {"ci_low": found.low, "ci_high": found.high, "interval": BOOTSTRAP_IMAGES}
    count = int((first.eligible | second.eligible).sum())
    return {"value": first.rate - second.rate, "n": count, **interval}
