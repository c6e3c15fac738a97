"""Sentences on whether a statistic tells students from independent networks."""

from dataclasses import dataclass

import pandas as pd

from robustkd.presentation.sentences import FEW_STUDENTS
from robustkd.results.tidy import VOID
from robustkd.results.told_apart import ALL, CANNOT_TELL, LEVEL
from robustkd.statistics.significance import holm


@dataclass(frozen=True)
class Statistic:
    """What a statistic of a network says, in words.

    Attributes:
        metric: The name of the metric of its AUROC.
        one: What one network does more than another, such as ``agrees with the teacher``.
        several: The same of several.
    """

    metric: str
    one: str
    several: str


def told_apart_sentences(frame: pd.DataFrame, statistic: Statistic) -> list[str]:
    """Say of each student, and of all together, whether they are told from independent networks.

    Args:
        frame: The tidy results.
        statistic: The statistic.
    """
    tested = frame[(frame["metric"] == statistic.metric) & (frame["interval"] != VOID)]
    methods, together = tested[tested["part"] != ALL], tested[tested["part"] == ALL]
    said = [
        _one(f"Taken together, the {_seeds(row)} students", statistic.several, row, row["p_value"])
        for _, row in together.iterrows()
    ]
    judged = methods[methods["p_value"].notna()]
    corrected = dict(zip(judged["method"], holm(judged["p_value"].tolist()), strict=True))
    if len(methods) <= FEW_STUDENTS:
        return [
            *said,
            *(
                _one(str(row["method"]), statistic.one, row, corrected.get(row["method"], float("nan")))
                for _, row in methods.iterrows()
            ),
        ]
    return [*said, _many(methods, statistic.one, corrected)]


def _one(who: str, does: str, row: pd.Series, p_value: float) -> str:
    if str(row["interval"]).startswith(CANNOT_TELL):
        return f"{who}: whether this is a student of the teacher, these networks {row['interval']}."
    found = "as a student of the teacher does" if p_value <= LEVEL else "which chance may explain"
    return (
        f"{who} {does} more than independent networks in {100 * row['value']:.0f}% of all pairs, {found} "
        f"(p = {p_value:.2g}, {row['interval']})."
    )


def _many(methods: pd.DataFrame, does: str, corrected: dict[str, float]) -> str:
    values = [f"{row['method']} {100 * row['value']:.0f}%" for _, row in methods.iterrows()]
    found = [name for name, p_value in corrected.items() if p_value <= LEVEL]
    judged = f"significant after correction for {len(corrected)} methods (Holm): {', '.join(found) or 'none'}"
    if not corrected:
        judged = "each method alone has too few networks to tell"
    return (
        f"By method, the share of pairs in which the student {does} more than an independent network: "
        f"{', '.join(values)}; {judged}."
    )


def _seeds(row: pd.Series) -> int:
    return int(row["n_seeds"])
