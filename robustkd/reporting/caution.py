"""The caution in a report if methods were trained with few seeds."""

from collections.abc import Sequence

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.numbers import join
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.result import Result


def caution(results: Sequence[Result]) -> str:
    """Explain why the findings hold only for these networks, if they do.

    Args:
        results: The results of all evaluations.

    Returns:
        One or more sentences; empty if each method has `SEEDS_TO_RANK` seeds or more in every evaluation.
    """
    fewest = {EVALUATIONS[result.evaluation].title: _seeds(result).min() for result in results}
    trained = pd.concat([_seeds(result) for result in results]).groupby(level=[0, 1, 2]).max()
    if trained.empty or min(seeds for seeds in fewest.values() if pd.notna(seeds)) >= SEEDS_TO_RANK:
        return ""
    said = []
    few = "once" if trained.max() < 2 else f"with fewer than {SEEDS_TO_RANK} seeds"
    if trained.max() < SEEDS_TO_RANK:
        said.append(f"Each method was trained {few}: differences are between these networks, not between methods.")
    elif trained.min() < SEEDS_TO_RANK:
        few = "once" if trained.min() < 2 else few
        said.append(f"Some methods were trained {few}: their differences to others are between networks, not methods.")
    else:
        first = [title for title, seeds in fewest.items() if seeds < SEEDS_TO_RANK]
        looked_at = "looks at one network of each method: its" if len(first) == 1 else "look at one network each: their"
        said += [f"{join(first)} {looked_at} differences are between networks, not methods."] if first else []
    over_images = (
        f"Where a method has fewer than {SEEDS_TO_RANK} seeds, intervals cover the test images, not what another "
        "training of the same method would give."
    )
    return " ".join([*said, over_images])


def _seeds(result: Result) -> pd.Series:
    """The number of seeds of each student and baseline method, by part and method."""
    rows = result.frame[(result.frame["level"] == "method") & result.frame["role"].isin(["student", "baseline"])]
    return rows.groupby(["group", "condition", "method"], dropna=False)["n_seeds"].max()
