"""Validity checks that fail in some runs only, and methods and evaluations that are not in all runs."""

from collections.abc import Sequence

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.numbers import join
from robustkd.reporting.run import Run
from robustkd.reporting.side_by_side.matching import Matching, named
from robustkd.results.records import Check


def changed_checks(runs: Sequence[Run], labels: Sequence[str]) -> tuple[str, ...]:
    """Word the validity checks that fail in some of the runs and not in the others.

    Args:
        runs: The runs.
        labels: Their names.

    Returns:
        One sentence for each check and network.
    """
    known = [_checks(run) for run in runs]
    sentences = []
    for name, member in dict.fromkeys(key for found in known for key in found):
        failed = [
            index for index, found in enumerate(known) if any(not each.passed for each in found.get((name, member), ()))
        ]
        if not failed or len(failed) == len(runs):
            continue
        others = [index for index in range(len(runs)) if index not in failed]
        passed = [labels[index] for index in others if (name, member) in known[index]]
        unmade = [labels[index] for index in others if (name, member) not in known[index]]
        detail = next(each.detail for each in known[failed[0]][name, member] if not each.passed)
        told = [f"fails in {join([labels[index] for index in failed])} ({detail.rstrip('.')})"]
        told += [f"passes in {join(passed)}"] if passed else []
        told += [f"was not made in {join(unmade)}"] if unmade else []
        sentences.append(f"{name[:1].upper()}{name[1:]}{f', {member}' if member else ''}: {'; '.join(told)}.")
    return tuple(sentences)


def partly_present(matching: Matching, labels: Sequence[str]) -> tuple[str, ...]:
    """Word which methods are in some of the runs only.

    Args:
        matching: The methods of each run.
        labels: The names of the runs.

    Returns:
        One sentence for each run or group of runs that has methods which others lack.
    """
    whose: dict[tuple[str, ...], list[str]] = {}
    for who in matching.everyone:
        having = tuple(label for label, known in zip(labels, matching.known, strict=True) if who in known)
        if len(having) < len(labels):
            role = "" if who.role in ("student", who.method) else f" ({who.role})"
            whose.setdefault(having, []).append(named(who) + role)
    return _in_some("In", whose)


def partly_measured(runs: Sequence[Run], labels: Sequence[str]) -> tuple[str, ...]:
    """Word which evaluations some of the runs only have.

    Args:
        runs: The runs.
        labels: Their names.

    Returns:
        One sentence for each run or group of runs that has evaluations which others lack.
    """
    whose: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(result.evaluation for run in runs for result in run.results):
        having = tuple(label for label, run in zip(labels, runs, strict=True) if run.result(name) is not None)
        if len(having) < len(labels):
            whose.setdefault(having, []).append(EVALUATIONS[name].title)
    return _in_some("Measured in", whose)


def _in_some(verb: str, whose: dict[tuple[str, ...], list[str]]) -> tuple[str, ...]:
    return tuple(f"{verb} {join(list(having))} only: {join(names)}." for having, names in whose.items())


def _checks(run: Run) -> dict[tuple[str, str], list[Check]]:
    found: dict[tuple[str, str], list[Check]] = {}
    for check in (check for result in run.results for check in result.checks):
        found.setdefault((check.name, check.member), []).append(check)
    return found
