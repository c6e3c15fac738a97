"""The headline of the label noise evaluation."""

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import join, quantity
from robustkd.presentation.sentences import against_baseline, grouped
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.metric import Metric

ALONE = "There is no independent baseline to compare the students with."

VERDICTS = ("better", "no significant difference", "worse")

CHANCE_AUROC = 0.5


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Compare the students for each condition, and name those that memorise the fewest wrong labels and find them best.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.

    Returns:
        Sentences: accuracy against the baseline for each condition; then memorisation, audits, and errors of the test
        set, under the condition with the most wrong labels.
    """
    frame = of_noise(frame)
    alone = [] if (frame["role"] == "baseline").any() else [ALONE]
    if not frame["metric"].isin(["memorised", "estimated_rate"]).any():
        nothing = "No training label is known to be wrong, so memorisation and audits are not measured."
        return [nothing, *alone, *_test_errors(frame, metrics)]
    said = []
    for condition, rows in frame.groupby("condition", sort=False):
        found = student_findings(rows, "accuracy", "accuracy_gain")
        verdict = grouped(found, metrics["accuracy"], metrics["accuracy_gain"], VERDICTS)
        if verdict:
            said.append(f"{_named(str(condition), rows)}: accuracy{against_baseline(found)} {verdict}.")
    return [*said, *alone, *_memory(frame, metrics), *_inspectors(frame, metrics), *_test_errors(frame, metrics)]


def of_noise(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out conditions that have nothing to do with label noise, such as class imbalance, if there are others."""
    known = frame[frame["metric"] == "realised_rate"]["condition"].unique()
    return frame[frame["condition"].isin(known)] if len(known) else frame


def _named(condition: str, rows: pd.DataFrame) -> str:
    realised = rows[rows["metric"] == "realised_rate"]["value"].dropna()
    wrong = f" ({100 * realised.mean():.1f}% of the labels wrong)" if realised.any() else ""
    return f"{condition[0].upper()}{condition[1:]}{wrong}"


def _memory(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Name the network that memorises the fewest wrong labels, those tied with it, and those significantly worse."""
    metric = metrics["memorised"]
    known, condition = _noisiest(frame, metric.name)
    ranked = _ranked(known)
    if ranked.empty:
        return _of_networks(known, f"Under {condition}, wrong labels memorised", metrics)
    known = ranked.iloc[::-1]
    few = known["ties_best"].astype(bool)
    if few.all():
        return [f"Under {condition}, no network memorises significantly fewer wrong labels than another."]
    fewest, ties, more = (
        [f"{row['member']} ({quantity(row['value'], metric)})" for _, row in rows.iterrows()]
        for rows in (known.iloc[:1], known[few].iloc[1:], known[~few])
    )
    tied = f", not significantly fewer than {join(ties)}" if ties else ""
    return [
        f"Under {condition}, {fewest[0]} memorises the fewest wrong labels{tied}; significantly more: {join(more)}."
    ]


def _inspectors(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    known, condition = _noisiest(frame, "audit_auroc")
    if known.empty and frame[frame["metric"] == "estimated_rate"]["value"].notna().any():
        return ["Finding wrong labels is not measured, because the audited labels are all right or all wrong."]
    if known.empty and (frame["metric"] == "audit_auroc").any():
        return ["Finding wrong labels is not measured, because no audit passed its check."]
    if known.empty and (frame["metric"] == "memorised").any():
        return [
            "Finding wrong labels is not measured, because every network was trained on all of them; a condition with "
            "held_out keeps some out of training for an audit."
        ]
    rows = frame[(frame["level"] == "method") & (frame["condition"] == condition)]
    where = f"Under {condition}"
    return [
        *_best(known, where, "labels that it never saw", metrics),
        *_upper_bounds(known[known["member"].isin(_trained_clean(rows))], where, metrics),
    ]


def _upper_bounds(known: pd.DataFrame, where: str, metrics: Mapping[str, Metric]) -> list[str]:
    """Report the networks that were trained on the true labels of the images."""
    if known.empty:
        return []
    told = join(_areas(known, metrics))
    return [f"{where}, an upper bound from networks trained on the true labels of these images: {told}."]


def _trained_clean(rows: pd.DataFrame) -> set[str]:
    """Members whose fit of the noisy labels, right or wrong, is not measured, because they were trained on others."""
    fits = rows[rows["metric"].isin(["memorised", "clean_fit"])].groupby("member")["value"].count()
    return set(fits[fits == 0].index)


def _test_errors(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    known, condition = _noisiest(frame, "test_error_auroc")
    return _best(known, f"Under {condition}", "test labels that people judged", metrics)


def _best(known: pd.DataFrame, where: str, what: str, metrics: Mapping[str, Metric]) -> list[str]:
    """Name the networks that find wrong labels best, if any is significantly better than another."""
    known = known[known["role"] != "teacher"]
    if len(known) < 2:
        return []
    ranked = _ranked(known)
    best = ranked[ranked["ties_best"].astype(bool)]
    if best.empty and len(ranked):  # the check of the best network failed, so the best of these is unknown
        return []
    if not known["ci_low"].iloc[0] > CHANCE_AUROC:
        return [f"{where}, no network is significantly better than chance at finding wrong {what}."]
    if ranked.empty:
        return _of_networks(known, f"{where}, AUROC at finding wrong {what}", metrics)
    if len(best) == len(ranked):
        return [f"{where}, no network finds wrong {what} significantly better than another on these images."]
    return [f"{where}, the best at finding wrong {what}: {join(_areas(best, metrics))}."]


def _of_networks(known: pd.DataFrame, what: str, metrics: Mapping[str, Metric]) -> list[str]:
    """List the values of single networks in the order of the pool: methods with too few seeds are not ranked."""
    told = known[known["role"] != "teacher"].sort_index()
    values = [f"{row['member']} {quantity(row['value'], metrics[row['metric']])}" for _, row in told.iterrows()]
    return [f"{what}, by networks of fewer than {SEEDS_TO_RANK} seeds: {join(values)}."] if values else []


def _ranked(known: pd.DataFrame) -> pd.DataFrame:
    """Leave out what is not ranked: the teacher, and methods with too few seeds."""
    return known[(known["role"] != "teacher") & known["ties_best"].notna()]


def _areas(known: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    return [f"{row['member']} ({quantity(row['value'], metrics[row['metric']])} AUROC)" for _, row in known.iterrows()]


def _noisiest(frame: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, str]:
    """Rows of all methods under the condition with the most wrong labels, in descending order, and that condition."""
    rows = frame[frame["level"] == "method"]
    known = rows[(rows["metric"] == metric) & rows["value"].notna()]
    if known.empty:
        return known, ""
    realised = rows[rows["metric"] == "realised_rate"].groupby("condition")["value"].mean().fillna(0)
    noisiest = max(dict.fromkeys(known["condition"]), key=lambda condition: float(realised.get(condition, 0)))
    return known[known["condition"] == noisiest].sort_values("value", ascending=False, kind="stable"), str(noisiest)
