"""What the transfer matrix says, in sentences."""

from collections.abc import Mapping

import pandas as pd

from robustkd.evaluations.transferability.matrix import MASKING_POINTS, masks_gradients, overstates, stands_still
from robustkd.presentation.findings import ABSENT, Finding, seeds_of, why_no_difference
from robustkd.presentation.numbers import join, quantity
from robustkd.presentation.sentences import FEW_STUDENTS, Phrases, findings
from robustkd.results.groups import groups_of
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

PHRASES = Phrases(
    one="Attacks on the teacher fool {student} on {value} of the images both get right",
    against="against the independent baseline",
    many="Success of attacks on the teacher, against the independent baseline",
    verdicts=(
        "shares more of the teacher's weaknesses",
        "no significant difference",
        "shares fewer of the teacher's weaknesses",
    ),
    alone="there is no independent baseline to hold it against",
)


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Say what was found.

    Args:
        frame: Tidy results.
        metrics: By name.

    Returns:
        Sentences: transfer from the teacher for each student, masked gradients, the worst case, and what ran.
    """
    pairs = frame[frame["level"] == "pair"]
    teacher = set(pairs["source"]) - set(pairs["member"])
    said = _without_teacher(frame, metrics) if not teacher else _from_teacher(frame, teacher, metrics)
    return said + _still(frame, teacher, metrics) + _masked(frame) + _worst_case(frame, metrics) + _what_ran(frame)


def _from_teacher(frame: pd.DataFrame, teacher: set[str], metrics: Mapping[str, Metric]) -> list[str]:
    """Hold each method against the baseline, as the mean over its seeds; one rule decides, and many are told which."""
    excess = frame[(frame["level"] == "method") & (frame["metric"] == "teacher_transfer_excess")]
    found = _by_method(frame[(frame["level"] == "pair") & frame["source"].isin(teacher)], excess)
    said = findings(found, metrics["transfer_success"], metrics["teacher_transfer_excess"], PHRASES)
    judged = excess[excess["value"].notna() & excess["ci_low"].notna()]
    if len(judged) > FEW_STUDENTS:
        covers = join(list(dict.fromkeys(judged["interval"])))
        said.append(
            f"Significant is what the intervals of these differences exclude ({covers}), corrected for "
            f"{len(judged)} students (Holm)."
        )
    return said


def _by_method(pairs: pd.DataFrame, excess: pd.DataFrame) -> list[Finding]:
    keys, groups = ["method", "architecture", "condition"], groups_of(pairs)
    differences = {key: rows.iloc[0] for key, rows in excess.groupby(keys)}
    found = []
    for key, rows in pairs[(pairs["role"] == "student") & (pairs["interval"] != VOID)].groupby(keys, sort=False):
        against = differences.get(key, ABSENT)
        difference, low, high = float(against["value"]), float(against["ci_low"]), float(against["ci_high"])
        why, seeds = why_no_difference(rows.iloc[0], against, groups), seeds_of(rows.iloc[0], pairs, groups)
        found.append(Finding(str(key[0]), float(rows["value"].mean()), difference, low, high, why, *seeds))
    return found


def _still(frame: pd.DataFrame, teacher: set[str], metrics: Mapping[str, Metric]) -> list[str]:
    """Say that transfer from the teacher tells nothing where the attack on it does not move."""
    rows = frame[(frame["metric"] == "zero_gradients") & (frame["level"] == "network") & frame["member"].isin(teacher)]
    share = quantity(rows["value"].iloc[0], metrics["zero_gradients"]) if len(rows) else ""
    if not len(rows) or not stands_still(rows["value"].iloc[0]):
        return []
    return [
        f"Transfer from the teacher is void: its input gradient is exactly zero on {share} of the images, where the "
        "attack stands still."
    ]


def _without_teacher(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    rows = frame[(frame["metric"] == "mean_on_target") & (frame["level"] == "method") & frame["value"].notna()]
    alone = [] if (frame["role"] == "baseline").any() else ["There is no independent baseline either."]
    if rows.empty:
        return ["There is no teacher in the pool, and no image is eligible for any pair.", *alone]
    values = rows.set_index("member")["value"]
    most, least = str(values.idxmax()), str(values.idxmin())
    said = "There is no teacher in the pool, so transfer from it cannot be told"
    if most == least:
        return [f"{said}.", *alone]
    high, low = (quantity(values[name], metrics["mean_on_target"]) for name in (most, least))
    told = f"{said}; attacks succeed on {most} most often ({high} over all sources), on {least} least ({low})."
    return [told, *alone]


def _masked(frame: pd.DataFrame) -> list[str]:
    rows = frame[(frame["metric"] == "masking") & (frame["value"] > MASKING_POINTS)]
    if rows.empty:
        return []
    sure = [masks_gradients(row["value"], row["ci_low"]) for _, row in rows.iterrows()]
    told = [
        f"{row['member']}{'' if significant else ' (not significantly)'}"
        for (_, row), significant in zip(rows.iterrows(), sure, strict=True)
    ]
    flatters = "so white-box accuracy flatters there" if any(sure) else "which may be chance"
    beaten = f"the own attack of {join(told)} by more than two points"
    return [f"Masked gradients: a transferred attack beats {beaten}, {flatters}."]


def _worst_case(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Name the networks on which further attacks find what the first did not."""
    rows = frame[frame["level"] == "network"]
    worst = rows[rows["metric"] == "worst_case_accuracy"].set_index("member")
    before = frame[frame["metric"] == "withstood_first"].drop_duplicates("member")
    first = before.set_index("member")["value"]
    flattered = [str(member) for member in worst.index if overstates(first[member], worst["value"][member])]
    if not flattered:
        return []
    metric = metrics["worst_case_accuracy"]
    told = [f"{name} {quantity(first[name], metric)} → {quantity(worst['value'][name], metric)}" for name in flattered]
    return [
        f"Further attacks find more than the first alone (right, clean and after the first → after all): {join(told)}."
    ]


def _what_ran(frame: pd.DataFrame) -> list[str]:
    """Name the attacks, for an accuracy under attack says nothing without them."""
    first, worst = (
        list(frame.loc[(frame["metric"] == name) & frame["strength"].isna(), "part"].dropna())
        for name in ("white_box_accuracy", "worst_case_accuracy")
    )
    if not (first and worst):
        return []
    more = f"; the worst case is over {worst[0]}" if worst[0] != first[0] else ""
    return [f"The attack is {first[0]}{more}."]
