"""A comparison composed from the files of several runs."""

from collections.abc import Sequence
from pathlib import Path

from robustkd.errors import BadInputError
from robustkd.reporting.run import read_run
from robustkd.reporting.side_by_side.content import SideBySide
from robustkd.reporting.side_by_side.matching import Matching, labels
from robustkd.reporting.side_by_side.numbers import comparisons
from robustkd.reporting.side_by_side.presence import changed_checks, partly_measured, partly_present
from robustkd.reporting.side_by_side.settings import about, differing, differing_settings
from robustkd.reporting.side_by_side.verdicts import changed_verdicts


def side_by_side(paths: Sequence[Path]) -> SideBySide:
    """Compare runs with the first of them, from their files alone.

    Args:
        paths: At least two run directories.

    Returns:
        The comparison.

    Raises:
        BadInputError: A directory is given twice.
        StudyError: A directory is not a run, or none of its results can be read.
    """
    places = [path.resolve() for path in paths]
    for index, path in enumerate(paths):
        if places[index] in places[:index]:
            raise BadInputError(f"{path}: is given twice; a run is compared with others")
    runs = [read_run(path) for path in paths]
    names, matching = labels(runs), Matching(runs)
    leading, others = changed_verdicts(runs, names, matching)
    return SideBySide(
        runs=tuple(about(run, label) for run, label in zip(runs, names, strict=True)),
        comparisons=tuple(comparisons(runs, matching)),
        verdicts=leading,
        other_verdicts=others,
        checks=changed_checks(runs, names),
        members=partly_present(matching, names),
        evaluations=partly_measured(runs, names),
        differing=differing(runs),
        settings=differing_settings(runs),
    )
