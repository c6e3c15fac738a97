"""The headline of the corruption evaluation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from robustkd.evaluations.corruption.images import GENERATED
from robustkd.evaluations.corruption.rows import MEAN
from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import join
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric

PHRASES = Phrases(
    one="{student} classifies {value} of the corrupted images correctly",
    against="against the independent baseline",
    many="Accuracy on corrupted images against the independent baseline",
    verdicts=("more robust to corruptions", "no significant difference", "less robust to corruptions"),
    alone="there is no independent baseline to compare it with, so corruption errors are not defined",
)


def sentences(frame: pd.DataFrame, accuracy: Metric, gain: Metric, path: str | None) -> list[str]:
    """Write what was found.

    Args:
        frame: The tidy results.
        accuracy: The metric of the accuracy on corrupted images.
        gain: The metric of its difference to the independent baseline's.
        path: The folder of the arrays; None for generated images.

    Returns:
        Each student's accuracy and its gain over the baseline; and which images were used.
    """
    found = student_findings(frame, accuracy.name, gain.name)
    return findings(found, accuracy, gain, PHRASES) + _images(frame, path)


def _images(frame: pd.DataFrame, path: str | None) -> list[str]:
    """Name the images, because generated and released ones do not give the same numbers."""
    parts = [str(part) for part in dict.fromkeys(frame["part"].dropna()) if part != MEAN]
    generated = [part.removesuffix(GENERATED) for part in parts if part.endswith(GENERATED)]
    if generated:
        return [
            "The corrupted images were generated with the constants of the benchmark and differ from its released "
            f"files: {join(generated)}."
        ]
    released = [part for part in parts if not part.startswith("relative to")]
    where = f" in {Path(path).name}" if path else ""
    return [f"The corrupted images were read from the given arrays{where}: {join(released)}."]
