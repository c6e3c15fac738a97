"""Which rows a table of a report has, in which order, and how they are labelled."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from robustkd.results.metric import Metric
from robustkd.roles import ROLES


def by_role(roles: Mapping[str, str]) -> list[str]:
    """Return names in the order of their roles: teachers first, then baselines, students, controls."""
    order: list[str] = list(ROLES)
    return sorted(roles, key=lambda name: order.index(roles[name]))


def methods_of(frame: pd.DataFrame) -> dict[str, str]:
    """Return the methods of a frame with their roles, in the order of `by_role`."""
    found = dict(zip(frame["method"], frame["role"], strict=True))
    return {name: found[name] for name in by_role(found)}


def with_values(part: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Leave out metrics with no value in this part of a study but in others, such as rare classes of a clean set."""
    here, anywhere = (set(frame.loc[frame["value"].notna(), "metric"]) for frame in (part, whole))
    return part[part["metric"].isin(here) | ~part["metric"].isin(anywhere)]


def of_method(frame: pd.DataFrame, metric: Metric, method: str) -> pd.Series | None:
    """Return the row of a method, or of its only network where there are no rows of methods; None without either."""
    about = ((frame["metric"] == metric.name) & (frame["method"] == method)).to_numpy(bool)
    rows = np.flatnonzero(about)
    by_method = rows[(frame["level"].iloc[rows] == "method").to_numpy(bool)]
    chosen = by_method if len(by_method) else rows
    return frame.iloc[chosen[0]] if len(chosen) else None


def label(name: str, role: str) -> str:
    """Return the label of a row: the name, and the role where the name does not say it."""
    return name if name == role or role in ("student", "control") else f"{name} ({role})"
