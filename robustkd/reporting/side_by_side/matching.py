"""Which methods of several runs are the same one."""

from collections.abc import Sequence

import pandas as pd

from robustkd.reporting.rows import by_role
from robustkd.reporting.run import Run
from robustkd.reporting.side_by_side.content import Who

PARTS = ("group", "condition")


def labels(runs: Sequence[Run]) -> tuple[str, ...]:
    """Return a short name for each run: its directory's, or its path where directories share a name."""
    names = [run.path.resolve().name for run in runs]
    return tuple(names if len(set(names)) == len(names) else [str(run.path) for run in runs])


class Matching:
    """Finds the rows of a method in each run.

    Methods match by name. Architecture of the students and condition count only where a run has several of them, so
    that two runs on different data, or of different architectures, are compared method by method. Where every run has
    one student, these match whatever they are called.

    Args:
        runs: The runs.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        networks = [_networks(run) for run in runs]
        self._telling = [key for key in PARTS if any(each[key].nunique() > 1 for each in networks)]
        students = [list(each.loc[each["role"] == "student", "method"].unique()) for each in networks]
        only = [names[0] for names in students if len(names) == 1]
        self._joined = " / ".join(dict.fromkeys(only)) if len(only) == len(runs) and len(set(only)) > 1 else ""
        self.known = tuple(tuple(dict.fromkeys(self.who(row) for _, row in each.iterrows())) for each in networks)

    def who(self, row: pd.Series) -> Who:
        """Return the method that a row is about."""
        joined = self._joined if row["role"] == "student" else ""
        part = {key: "" if pd.isna(row[key]) else str(row[key]) for key in self._telling}
        return Who(joined or str(row["method"]), str(row["role"]), **part)

    @property
    def everyone(self) -> list[Who]:
        """All methods of all runs: part by part, teachers first."""
        found = dict.fromkeys(who for known in self.known for who in known)
        parts = dict.fromkeys((who.group, who.condition) for who in found)
        roles = by_role({who.role: who.role for who in found})
        return [
            who
            for part in parts
            for role in roles
            for who in found
            if (who.group, who.condition) == part and who.role == role
        ]

    def rows(self, frame: pd.DataFrame) -> dict[Who, pd.Series]:
        """Return the row of each method: that of the method, or of its only network.

        Args:
            frame: The rows of one metric of one run.
        """
        whole = frame[frame["level"].isin(["method", "network"]) & (frame["part"].fillna("") == "")]
        found: dict[Who, pd.Series] = {}
        for _, row in whole.sort_values("level", kind="stable").iterrows():  # rows of methods come first
            found.setdefault(self.who(row), row)
        return found


def named(who: Who) -> str:
    """Return a method's name for a sentence or a table, with its part where runs have several."""
    part = ", ".join(filter(None, (who.group, who.condition)))
    return f"{who.method} ({part})" if part else who.method


def _networks(run: Run) -> pd.DataFrame:
    columns = [*PARTS, "role", "method"]
    frames = [result.frame[result.frame["level"].isin(["method", "network"])][columns] for result in run.results]
    return pd.concat(frames, ignore_index=True).drop_duplicates().reset_index(drop=True)
