"""Verdicts from estimates: on which side of a threshold an interval lies, and how that is told."""

import math
from collections.abc import Callable, Sequence

from robustkd.presentation.numbers import interval, number
from robustkd.reporting.claims.claim import Answer, Verdict
from robustkd.reporting.claims.estimate import Estimate, corrected, fewest
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.metric import Metric

Test = Callable[[Estimate], Verdict]

_POINTS = Metric("difference", "Difference", "points", None, "", difference_of="share")
_SHARE = Metric("share", "Share", "fraction", None, "")


def above(threshold: float = 0.0) -> Test:
    """Return the test whether an estimate lies above a threshold."""

    def test(estimate: Estimate) -> Verdict:
        return _side(estimate, estimate.low > threshold, estimate.high < threshold)

    return test


def below(threshold: float = 0.0) -> Test:
    """Return the test whether an estimate lies below a threshold."""

    def test(estimate: Estimate) -> Verdict:
        return _side(estimate, estimate.high < threshold, estimate.low > threshold)

    return test


def within(bound: float) -> Test:
    """Return the test whether an estimate lies between −bound and bound: a test of equivalence (Schuirmann 1987)."""

    def test(estimate: Estimate) -> Verdict:
        inside = -bound < estimate.low and estimate.high < bound
        return _side(estimate, inside, estimate.low > bound or estimate.high < -bound)

    return test


def every(tests: Sequence[tuple[Estimate, Test]]) -> Verdict:
    """Judge a claim that asks several things, all of which must be so.

    It holds where each one holds: that needs no correction, because all must. It does not hold where one of them does
    not, by an interval that is corrected for how many there are. Otherwise it is undecided.
    """
    if all(test(estimate) == "holds" for estimate, test in tests):
        return "holds"
    failed = any(test(corrected(estimate, len(tests))) == "does not hold" for estimate, test in tests)
    return "does not hold" if failed else "undecided"


def each_of(estimates: Sequence[Estimate], test: Test) -> Verdict:
    """Judge a claim that asks the same of several estimates; see `every`."""
    return every([(estimate, test) for estimate in estimates])


def answer(verdict: Verdict, evidence: str, estimates: Sequence[Estimate], decides: str = "") -> Answer:
    """Answer, and say what would decide an open question.

    Args:
        verdict: The verdict.
        evidence: One or two sentences with the numbers.
        estimates: The estimates behind it, whose seeds are counted.
        decides: What would decide it, where that is not simply more seeds or images.
    """
    if verdict != "undecided":
        return Answer(verdict, evidence)
    return Answer(verdict, evidence, decides or _decides(fewest(estimates)))


def points(estimate: Estimate) -> str:
    """Write a difference of shares with its 95% interval: ``+1.2 points [+0.3, +2.1]``."""
    return _told(estimate, _POINTS, " points")


def percent(estimate: Estimate) -> str:
    """Write a share with its 95% interval: ``76.4% [72.8, 80.0]``."""
    return _told(estimate, _SHARE, "%")


def plain_points(value: float, signed: bool = True) -> str:
    """Write points without a unit or interval: ``+1.2``."""
    return number(value, _POINTS if signed else _SHARE)


def listed(estimates: Sequence[Estimate]) -> str:
    """List differences with what they are of: ``at +1.2 [+0.3, +2.1], sp −0.4 [−1.0, +0.2]``."""
    shown = [f"{e.of} {number(e.value, _POINTS)} {_bounds(e, _POINTS)}".rstrip() for e in estimates[:_MOST_LISTED]]
    more = len(estimates) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def minus_sign(text: str) -> str:
    """Write numbers with the minus sign of the other numbers."""
    return text.replace("-", "−")


def averaged(estimates: Sequence[Estimate], mean: Estimate) -> str:
    """Write the mean of differences, and each of them: ``+1.2 points [+0.3, +2.1] (at)`` where there is only one."""
    if len(estimates) == 1:
        return f"{points(mean)} ({estimates[0].of})"
    positive = sum(estimate.value > 0 for estimate in estimates)
    return f"{points(mean)} on average over {len(estimates)} students, {positive} of them above 0 ({listed(estimates)})"


_MOST_LISTED = 6


def _side(estimate: Estimate, right: bool, wrong: bool) -> Verdict:
    if estimate.seeds is not None and estimate.seeds < SEEDS_TO_RANK:
        return "undecided"
    return "holds" if right else "does not hold" if wrong else "undecided"


def _told(estimate: Estimate, metric: Metric, unit: str) -> str:
    bounds = _bounds(estimate, metric)
    return f"{number(estimate.value, metric)}{unit}" + (f" {bounds}" if bounds else " (no interval)")


def _bounds(estimate: Estimate, metric: Metric) -> str:
    known = math.isfinite(estimate.low) and math.isfinite(estimate.high)
    return interval(estimate.low, estimate.high, metric) if known else ""


def _decides(seeds: int | None) -> str:
    if seeds is not None and seeds < SEEDS_TO_RANK:
        once = "one seed" if seeds == 1 else f"{seeds} seeds"
        return f"at least {SEEDS_TO_RANK} seeds of every method compared, the baseline included (here {once})"
    return "more seeds or test images, for narrower intervals"
