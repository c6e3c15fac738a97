"""From the records of the adversarial inheritance evaluation to tidy rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from robustkd.attacks.counting import Pair, fooling_rate, jointly_correct
from robustkd.evaluations.adversarial_inheritance.metrics import (
    ATTACK_SUCCESS,
    FOOLING_AUROC,
    FROM_FOREIGN_METRICS,
    FROM_TEACHER_METRICS,
    TO_TEACHER_METRICS,
)
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records
from robustkd.results.told_apart import told_apart
from robustkd.statistics.rates import Counted
from robustkd.statistics.resampling import Observed, Resampled, resampled, share, where

Row = dict[str, Any]

NOT_ATTACKED = -1
"""Marks, in place of a predicted class, the images of a network that was not attacked itself."""


def all_rows(records: Records) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the evaluation.

    Returns:
        Rows for `tidy`: the metrics at the main ε; for the curve, the means of each method at every ε, of level
        ``detail`` with `strength`.
    """
    arrays, members = records.arrays, records.members
    teacher, foreign = int(arrays["teacher"]), int(arrays["foreign"])
    others = np.flatnonzero(members["role"] != "teacher")
    networks = [_observed(arrays, int(member)) for member in others]
    found = resampled(networks, len(arrays["label"]))
    frame = members.iloc[others].reset_index(drop=True)
    names = {"teacher": members["member"][teacher], "foreign": members["member"][foreign] if foreign >= 0 else ""}
    main = int(arrays["main"])
    specific, plain = (found.get(f"{name} {main}") for name in ("specific_fooling", "fooling_rate"))
    shared = specific if specific is not None and np.isfinite(specific.values).any() else plain
    rows = [*_at(frame, found, main, names), *_attack_success_rows(records)]
    rows += told_apart(frame, shared.values, FOOLING_AUROC) if shared is not None else []
    for place, epsilon in enumerate(arrays["epsilons"].tolist()):
        setting = {"level": "detail", "part": f"ε = {epsilon:.4g}", "strength": epsilon}
        curve = _at(frame, found, place, names, beside=False)
        rows += [row | setting for row in curve if row["level"] == "method"]
    return rows


def _at(
    frame: Any, found: Mapping[str, Resampled], place: int, names: Mapping[str, str], beside: bool = True
) -> Iterator[Row]:
    """The rows at one ε; `beside` adds the attacks on the networks themselves, which are made at the main ε only."""
    suffix = f" {place}"
    here = {name.removesuffix(suffix): measured for name, measured in found.items() if name.endswith(suffix)}
    by_source = [
        (FROM_TEACHER_METRICS, {"source": names["teacher"]}),
        (FROM_FOREIGN_METRICS, {"source": names["foreign"]}),
    ]
    for metrics, source in by_source + ([(TO_TEACHER_METRICS, {})] if beside else []):
        for row in metric_rows(frame, here, metrics):
            # what the foreign source does to itself is no transfer
            if row.get("value") is not None and not np.isnan(row["value"]):
                yield row | source
            elif not row["metric"].startswith(("foreign", "specific")):
                yield row


def _attack_success_rows(records: Records) -> list[Row]:
    attacked = np.flatnonzero((records.arrays["own"] != NOT_ATTACKED).any(axis=1))
    changed = (records.arrays["own"] != records.arrays["clean"])[attacked]
    members = records.members.iloc[attacked].reset_index(drop=True)
    return per_image_rows(members, {ATTACK_SUCCESS.name: changed}, (ATTACK_SUCCESS,))


def _observed(arrays: Mapping[str, np.ndarray], member: int) -> Observed:
    """All rates of a network as functions of how often each image counts; their names end with the place of the ε."""
    counted = dict(_counted(arrays, member))
    places = range(len(arrays["epsilons"]))
    specific = [place for place in places if f"foreign_fooling_rate {place}" in counted]

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        rates = {name: share(each.events, each.eligible, weights) for name, each in counted.items()}
        differences = {
            f"specific_fooling {place}": rates[f"fooling_rate {place}"] - rates[f"foreign_fooling_rate {place}"]
            for place in specific
        }
        return rates | differences

    return Observed(statistics, {name: where(each.eligible, each.events) for name, each in counted.items()})


def _counted(arrays: Mapping[str, np.ndarray], member: int) -> Iterator[tuple[str, Counted]]:
    labels, clean, own = arrays["label"], arrays["clean"], arrays["own"]
    teacher, foreign, main = (int(arrays[name]) for name in ("teacher", "foreign", "main"))
    nothing = np.zeros(len(labels), dtype=np.bool_)
    for place, seen in enumerate(arrays["from_teacher"]):
        pair = Pair(labels, clean[teacher], clean[member], seen[teacher], seen[member])
        yield f"fooling_rate {place}", fooling_rate(pair)
        yield f"transfer_success {place}", jointly_correct(pair)
    for place, seen in enumerate(arrays["from_foreign"]):
        pair = Pair(labels, clean[foreign], clean[member], seen[foreign], seen[member])
        itself = member == foreign
        yield f"foreign_fooling_rate {place}", Counted(nothing, nothing) if itself else fooling_rate(pair)
        yield f"foreign_transfer_success {place}", Counted(nothing, nothing) if itself else jointly_correct(pair)
    if bool(arrays["reverse"]):
        pair = Pair(labels, clean[member], clean[teacher], own[member], arrays["to_teacher"][member])
        yield f"reverse_fooling_rate {main}", fooling_rate(pair)
        yield f"reverse_transfer_success {main}", jointly_correct(pair)
