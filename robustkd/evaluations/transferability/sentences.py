"""The headline of the transferability evaluation."""

from collections.abc import Mapping

import pandas as pd

from robustkd.attacks.gradients import stands_still
from robustkd.evaluations.transferability.request_sentences import request_sentences
from robustkd.evaluations.transferability.strength import MASKING_POINTS, masks_gradients, overstates
from robustkd.presentation.findings import ABSENT, Finding, seeds_of, why_no_difference
from robustkd.presentation.numbers import join, quantity
from robustkd.presentation.sentences import FEW_STUDENTS, Phrases, findings
from robustkd.results.groups import groups_of
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

PHRASES = Phrases(
    one="Attacks on the teacher fool {student} on {value} of the images that both classify correctly",
    against="against the independent baseline",
    many="Success of attacks on the teacher against the independent baseline",
    verdicts=(
        "shares more of the teacher's weaknesses",
        "no significant difference",
        "shares fewer of the teacher's weaknesses",
    ),
    alone="there is no independent baseline to compare it with",
)


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Write what was found.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.

    Returns:
        Sentences: transfer from the teacher to each student; then vanishing and masked gradients, the worst case,
        which attacks were run, and what was measured on request.
    """
    pairs = frame[frame["level"] == "pair"]
    # where the teacher is a source only, it has no row of its own among the pairs
    teacher = {*frame.loc[frame["role"] == "teacher", "member"], *(set(pairs["source"]) - set(pairs["member"]))}
    first = _from_teacher(frame, teacher, metrics) if teacher else _without_teacher(frame, metrics)
    limits = _vanishing(frame, teacher, metrics) + _masked(frame) + _unknown(frame) + _worst_case(frame, metrics)
    return first + limits + _attacks(frame) + request_sentences(frame, metrics)


def _from_teacher(frame: pd.DataFrame, teacher: set[str], metrics: Mapping[str, Metric]) -> list[str]:
    """Compare each method, as the mean over its seeds, with the baseline; for many, say how it was decided."""
    excess = frame[(frame["level"] == "method") & (frame["metric"] == "teacher_transfer_excess")]
    found = _by_method(frame[(frame["level"] == "pair") & frame["source"].isin(teacher)], excess)
    said = findings(found, metrics["transfer_success"], metrics["teacher_transfer_excess"], PHRASES)
    judged = excess[excess["value"].notna() & excess["p_value"].notna()]
    if len(judged) > FEW_STUDENTS:
        covers = join(list(dict.fromkeys(judged["interval"])))
        said.append(
            f"A difference is significant if its p-value ({covers}) is below 5% after Holm's correction for "
            f"{len(judged)} students."
        )
    return said


def _by_method(pairs: pd.DataFrame, excess: pd.DataFrame) -> list[Finding]:
    keys, groups = ["method", "architecture", "condition"], groups_of(pairs)
    differences = {key: rows.iloc[0] for key, rows in excess.groupby(keys)}
    found = []
    for key, rows in pairs[(pairs["role"] == "student") & (pairs["interval"] != VOID)].groupby(keys, sort=False):
        against = differences.get(key, ABSENT)
        difference, low, high, p_value = (float(against[key]) for key in ("value", "ci_low", "ci_high", "p_value"))
        why, seeds = why_no_difference(rows.iloc[0], against, groups), seeds_of(rows.iloc[0], pairs, groups)
        found.append(Finding(str(key[0]), float(rows["value"].mean()), difference, low, high, p_value, why, *seeds))
    return found


def _vanishing(frame: pd.DataFrame, teacher: set[str], metrics: Mapping[str, Metric]) -> list[str]:
    """Warn where the attack on the teacher does not move."""
    rows = frame[(frame["metric"] == "zero_gradients") & (frame["level"] == "network") & frame["member"].isin(teacher)]
    if rows.empty or not stands_still(rows["value"].iloc[0]):
        return []
    share = quantity(rows["value"].iloc[0], metrics["zero_gradients"])
    return [
        f"Transfer from the teacher is not meaningful: its input gradient is exactly zero for {share} of the images, "
        "which the attack cannot change."
    ]


def _without_teacher(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    rows = frame[(frame["metric"] == "mean_on_target") & (frame["level"] == "method") & frame["value"].notna()]
    alone = [] if (frame["role"] == "baseline").any() else ["There is no independent baseline either."]
    if rows.empty:
        return ["There is no teacher in the pool, and no image is eligible for any pair.", *alone]
    said = "There is no teacher in the pool, so there is no transfer from it"
    metric = metrics["mean_on_target"]
    if len(rows) < 2:
        return [f"{said}.", *alone]
    if len(rows) > FEW_STUDENTS:  # a range names no network: which is fooled most is decided by no test
        shares = f"between {quantity(rows['value'].min(), metric)} and {quantity(rows['value'].max(), metric)}"
        return [f"{said}. Averaged over all sources, attacks fool the networks on {shares} of the images.", *alone]
    shares = join([f"{row['member']} on {quantity(row['value'], metric)}" for _, row in rows.iterrows()])
    return [f"{said}. Averaged over all sources, attacks fool {shares} of the images.", *alone]


def _masked(frame: pd.DataFrame) -> list[str]:
    """Name the networks on which a transferred attack is stronger than the one on themselves."""
    rows = frame[(frame["metric"] == "masking") & (frame["value"] > MASKING_POINTS)]
    if rows.empty:
        return []
    sure = [masks_gradients(row["value"], row["ci_low"]) for _, row in rows.iterrows()]
    named = [
        f"{row['member']}{'' if significant else ' (not significantly)'}"
        for (_, row), significant in zip(rows.iterrows(), sure, strict=True)
    ]
    meaning = "so white-box accuracy overstates robustness there" if any(sure) else "which may be chance"
    return [
        "Masked gradients: a transferred attack is stronger, by more than two points, than the attack on the network "
        f"itself for {join(named)}, {meaning}."
    ]


def _unknown(frame: pd.DataFrame) -> list[str]:
    """Name the networks whose accuracy under attack is void: it may be anything up to their clean accuracy."""
    rows = frame[(frame["metric"] == "worst_case_accuracy") & (frame["level"] == "network")]
    names = [str(name) for name in rows.loc[rows["interval"] == VOID, "member"]]
    if not names:
        return []
    whose = join(names) if len(names) <= FEW_STUDENTS else f"{len(names)} networks"
    return [f"The robustness of {whose} is unknown, because validity checks of the attacks failed."]


def _worst_case(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Name the networks on which further attacks succeed where the first does not."""
    rows = frame[frame["level"] == "network"]
    worst = rows[rows["metric"] == "worst_case_accuracy"].set_index("member")
    before = frame[frame["metric"] == "withstood_first"].drop_duplicates("member")
    first = before.set_index("member")["value"]
    overstated = [str(member) for member in worst.index if overstates(first[member], worst["value"][member])]
    if not overstated:
        return []
    metric = metrics["worst_case_accuracy"]
    changes = [
        f"{name} from {quantity(first[name], metric)} to {quantity(worst['value'][name], metric)}"
        for name in overstated
    ]
    return [f"Further attacks reduce the share of images that withstand the first attack: {join(changes)}."]


def _attacks(frame: pd.DataFrame) -> list[str]:
    """Name the attacks, because an accuracy under attack means nothing without them."""
    first, worst = (
        list(frame.loc[(frame["metric"] == name) & frame["strength"].isna(), "part"].dropna())
        for name in ("white_box_accuracy", "worst_case_accuracy")
    )
    if not (first and worst):
        return []
    more = f"; the worst case is taken over {worst[0]}" if worst[0] != first[0] else ""
    return [f"The attack is {first[0]}{more}."]
