"""The headline of the evaluation of provenance."""

import pandas as pd

from robustkd.evaluations.provenance.rows import ALL, CANNOT_TELL, LEVEL
from robustkd.presentation.sentences import FEW_STUDENTS
from robustkd.results.tidy import VOID
from robustkd.statistics.significance import holm


def sentences(frame: pd.DataFrame) -> list[str]:
    """Say of each student, and of all together, whether they are told from independent networks.

    Args:
        frame: The tidy results.
    """
    tested = frame[(frame["metric"] == "provenance_auroc") & (frame["interval"] != VOID)]
    methods, together = tested[tested["part"] != ALL], tested[tested["part"] == ALL]
    said = [_one(f"Taken together, the {_seeds(row)} students", row, row["p_value"]) for _, row in together.iterrows()]
    judged = methods[methods["p_value"].notna()]
    corrected = dict(zip(judged["method"], holm(judged["p_value"].tolist()), strict=True))
    if len(methods) <= FEW_STUDENTS:
        return [
            *said,
            *(
                _one(str(row["method"]), row, corrected.get(row["method"], float("nan")))
                for _, row in methods.iterrows()
            ),
        ]
    return [*said, _many(methods, corrected)]


def _one(who: str, row: pd.Series, p_value: float) -> str:
    if str(row["interval"]).startswith(CANNOT_TELL):
        return f"{who}: whether this is a student of the teacher, these networks {row['interval']}."
    found = "as a student of the teacher does" if p_value <= LEVEL else "which chance may explain"
    plural = who.startswith("Taken")
    return (
        f"{who} agree{'' if plural else 's'} with the teacher on the errors of the baselines, beyond accuracy, more "
        f"than independent networks in {100 * row['value']:.0f}% of all pairs, {found} (p = {p_value:.2g}, "
        f"{row['interval']})."
    )


def _many(methods: pd.DataFrame, corrected: dict[str, float]) -> str:
    values = [f"{row['method']} {100 * row['value']:.0f}%" for _, row in methods.iterrows()]
    found = [name for name, p_value in corrected.items() if p_value <= LEVEL]
    judged = f"significant after correction for {len(corrected)} methods (Holm): {', '.join(found) or 'none'}"
    if not corrected:
        judged = "each method alone has too few networks to tell"
    return f"By method, the share of pairs in which the student agrees more: {', '.join(values)}; {judged}."


def _seeds(row: pd.Series) -> int:
    return int(row["n_seeds"])
