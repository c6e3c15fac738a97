"""Tables of the available methods and evaluations, including those of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robustkd.declarations import Declaration, declared

if TYPE_CHECKING:
    import pandas as pd


def methods() -> pd.DataFrame:
    """List the distillation methods.

    Returns:
        One row for each method, with the columns ``method``, ``summary``, ``matches``, ``needs_teacher``, ``cost`` (of
        a training), ``papers`` and ``options`` (the options and their defaults as text).

    >>> import robustkd as rk
    >>> table = rk.methods().set_index("method")
    >>> table.loc["hinton", "options"]
    'kd_weight=0.9, ce_weight=None, temperature=4.0, variant=original, standardise_logits=False'
    >>> bool(table.loc["baseline", "needs_teacher"])
    False
    """
    import pandas as pd

    rows = [
        {
            "method": found.name,
            "summary": found.summary,
            "matches": found.guide.matches,
            "needs_teacher": found.needs_teacher,
            "cost": found.guide.cost,
            "papers": found.guide.cites,
            "options": _options(found),
        }
        for found in declared("method").values()
    ]
    return pd.DataFrame(rows)


def evaluations() -> pd.DataFrame:
    """List the evaluations.

    Returns:
        One row for each evaluation, with the columns ``evaluation``, ``question``, ``needs``, ``cost``, ``papers`` and
        ``options`` (the options and their defaults as text).

    >>> import robustkd as rk
    >>> "fidelity" in list(rk.evaluations()["evaluation"])
    True
    """
    import pandas as pd

    rows = [
        {
            "evaluation": found.name,
            "question": found.summary,
            "needs": found.guide.needs,
            "cost": found.guide.cost,
            "papers": found.guide.cites,
            "options": _options(found),
        }
        for found in declared("evaluation").values()
    ]
    return pd.DataFrame(rows)


def _options(found: Declaration) -> str:
    return ", ".join(
        f"{option.name}={option.default}" if option.has_default else option.name for option in found.options
    )
