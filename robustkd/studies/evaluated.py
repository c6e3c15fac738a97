"""The results of an evaluation, as an object that prints, shows in a notebook, and can be saved."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from robustkd.errors import StudyError
from robustkd.reporting import Report, compose
from robustkd.studies.summary import summary_html, summary_text

if TYPE_CHECKING:
    import altair as alt


@dataclass(frozen=True, eq=False, repr=False)
class Evaluated:
    """The results of an evaluation.

    ``print(report)`` gives a summary of at most 40 lines; in a notebook it shows the scoreboard and the headlines.

    Attributes:
        results: The tidy results of each evaluation, by its name. They hold every number; the column ``void`` tells
            which of them a failed check voids, so that the report strikes them out.
        path: The run directory.
        missing: The networks and evaluations that are missing, and why.
    """

    results: dict[str, pd.DataFrame]
    path: Path
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def page(self) -> Path:
        """The report, to be opened in a browser."""
        return self.path / "report" / "index.html"

    @cached_property
    def charts(self) -> dict[str, alt.TopLevelMixin]:
        """The Altair chart of each evaluation, by its name."""
        import altair as alt

        return {section.name: alt.Chart.from_dict(section.chart) for section in self._report.sections}

    def save(self, path: Path | str) -> Path:
        """Copy the run directory.

        Args:
            path: The directory to copy to; must not exist yet, or be empty.

        Returns:
            The page of the copied report.

        Raises:
            StudyError: The directory is not empty.
        """
        target = Path(path)
        if target.exists() and any(target.iterdir()):
            raise StudyError(f"{target}: is not empty; choose another directory")
        shutil.copytree(self.path, target, dirs_exist_ok=True)
        return target / "report" / "index.html"

    @cached_property
    def _report(self) -> Report:
        return compose(self.path)

    def __str__(self) -> str:
        return summary_text(self._report, self.missing, self.page)

    def __repr__(self) -> str:
        return f"<results of {', '.join(self.results) or 'no evaluation'} in {self.path}>"

    def _repr_html_(self) -> str:
        return summary_html(self._report, self.missing, self.page)
