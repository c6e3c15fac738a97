"""The summary metrics of every evaluation in all runs, and their differences to the first run."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.differences import Difference, combined, paired
from robustkd.reporting.per_image import seen_by
from robustkd.reporting.run import Run
from robustkd.reporting.side_by_side.content import Comparison, Line, Number, Who
from robustkd.reporting.side_by_side.matching import Matching
from robustkd.results.metric import Metric
from robustkd.results.storage import PartRecords, load_records


def comparisons(runs: Sequence[Run], matching: Matching) -> Iterator[Comparison]:
    """Compare the summary metrics of every evaluation, in the order in which the runs have them."""
    for name in dict.fromkeys(result.evaluation for run in runs for result in run.results):
        for metric in (EVALUATIONS[name]().metric(each) for each in EVALUATIONS[name].summary):
            lines = tuple(_lines(runs, name, metric, matching))
            if lines:
                yield Comparison(name, metric, lines)


def difference_to_first(
    first: Run, base: pd.Series, run: Run, row: pd.Series, evaluation: str, metric: Metric
) -> Difference:
    """Return the number of a run minus that of the first run.

    Args:
        first: The first run.
        base: The row of a method in it.
        run: The other run.
        row: The row of the method in it.
        evaluation: The name of the evaluation.
        metric: The metric.

    Returns:
        The difference: paired image by image where both runs measured the same images in the same way and keep what
        they saw on each of them, else with the interval that follows from both intervals.
    """
    results = first.result(evaluation), run.result(evaluation)
    settings = [None if result is None else result.settings for result in results]
    if first.provenance["data"]["digest"] != run.provenance["data"]["digest"] or settings[0] != settings[1]:
        return combined(row, base)
    digests = _digests(first, base), _digests(run, row)
    if digests[0] and digests[0] == digests[1] and row["value"] == base["value"]:
        return Difference(0.0, how="same networks")
    theirs, seen = (seen_by(_records(each, evaluation), own) for each, own in ((first, base), (run, row)))
    if seen is None or theirs is None or seen.shape[1] != theirs.shape[1]:
        return combined(row, base)
    return paired(seen, theirs, metric) or Difference(float(row["value"] - base["value"]))


def _lines(runs: Sequence[Run], evaluation: str, metric: Metric, matching: Matching) -> Iterator[Line]:
    by_run = [_defined(run, evaluation, metric, matching) for run in runs]
    for who in matching.everyone:
        rows = [found.get(who) for found in by_run]
        if all(row is None for row in rows):
            continue
        numbers = tuple(
            None if row is None else _number(run, evaluation, metric, row) for run, row in zip(runs, rows, strict=True)
        )
        trusted = [None if number is None or number.void else row for number, row in zip(numbers, rows, strict=True)]
        base = trusted[0]
        yield Line(
            who,
            numbers,
            tuple(
                None
                if base is None or row is None
                else difference_to_first(runs[0], base, run, row, evaluation, metric)
                for run, row in zip(runs[1:], trusted[1:], strict=True)
            ),
        )


def _defined(run: Run, evaluation: str, metric: Metric, matching: Matching) -> dict[Who, pd.Series]:
    result = run.result(evaluation)
    if result is None:
        return {}
    frame = result.frame
    return matching.rows(frame[(frame["metric"] == metric.name) & frame["value"].notna()])


def _number(run: Run, evaluation: str, metric: Metric, row: pd.Series) -> Number:
    seeds = 1 if pd.isna(row["n_seeds"]) else int(row["n_seeds"])
    bounds = float(row["ci_low"]), float(row["ci_high"])
    return Number(float(row["value"]), *bounds, seeds, run.trust[evaluation].voids(row, metric))


def _digests(run: Run, row: pd.Series) -> list[str]:
    """The digests of the networks behind a row, sorted."""
    return sorted(
        str(member["digest"])
        for member in run.provenance.get("members", [])
        if member.get("method") == row["method"] and member.get("condition") == row["condition"]
    )


def _records(run: Run, evaluation: str) -> list[PartRecords]:
    folder = run.path / "results"
    return _loaded(folder, evaluation, (folder / f"{evaluation}.json").stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _loaded(folder: Path, evaluation: str, written: int) -> list[PartRecords]:
    """The records of an evaluation, read once for all methods and metrics."""
    return load_records(folder, evaluation)
