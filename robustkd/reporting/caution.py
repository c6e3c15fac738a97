"""The caution in a report if methods were trained with few seeds."""

from collections.abc import Sequence

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.numbers import join
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.result import Result

SEEDS_FOR_METHODS = 3
"""From this number on, the variation between seeds has an interval (Student's t)."""


def caution(results: Sequence[Result]) -> str:
    """Explain why the findings hold only for these networks, if they do.

    Args:
        results: The results of all evaluations.

    Returns:
        One or more sentences; empty where each method has three seeds or more in every evaluation.
    """
    fewest = {EVALUATIONS[result.evaluation].title: _seeds(result).min() for result in results}
    trained = pd.concat([_seeds(result) for result in results]).groupby(level=[0, 1, 2]).max()
    if trained.empty or min(seeds for seeds in fewest.values() if pd.notna(seeds)) >= SEEDS_FOR_METHODS:
        return ""
    said = []
    if trained.max() < SEEDS_TO_RANK:
        said.append("Each method was trained once: differences are between these networks, not between methods.")
    elif trained.min() < SEEDS_TO_RANK:
        said.append("Some methods were trained once: their differences to others are between networks, not methods.")
    else:
        first = [title for title, seeds in fewest.items() if seeds < SEEDS_TO_RANK]
        looked_at = "looks at one network of each method: its" if len(first) == 1 else "look at one network each: their"
        said += [f"{join(first)} {looked_at} differences are between networks, not methods."] if first else []
    few = ["Some methods have only two seeds."] if SEEDS_TO_RANK <= trained.min() < SEEDS_FOR_METHODS else []
    over_images = "Intervals cover the test images, not what another training of the same method would give."
    return " ".join([*said, *few, over_images])


def _seeds(result: Result) -> pd.Series:
    """The number of seeds of each student and baseline method, by part and method."""
    rows = result.frame[(result.frame["level"] == "method") & result.frame["role"].isin(["student", "baseline"])]
    return rows.groupby(["group", "condition", "method"], dropna=False)["n_seeds"].max()
