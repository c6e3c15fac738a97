"""Whether attacks on a network itself are as strong as they should be: no transferred and no further one beats them.

An attack that sees the gradients should be the stronger one; where a transferred one beats it, the gradients are
masked (Athalye, Carlini, Wagner, *Obfuscated Gradients Give a False Sense of Security*, ICML 2018, section 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from robustkd.evaluations.transferability.matrix import (
    Counted,
    jointly_correct,
    masks_gradients,
    overstates,
    pair_of,
    robust,
)
from robustkd.results.records import Check
from robustkd.statistics.intervals import CONFIDENCE, Interval

if TYPE_CHECKING:
    from robustkd.models import Member

ALL_SOURCES = "95% over test images, for all sources together"


class Transferred(NamedTuple):
    """An attack transferred to a network, held against attacks on the network itself.

    Attributes:
        source: Where its source stands among the members.
        rate: Its success.
        excess: Its success minus theirs.
        interval: Of the excess, for all sources together (Bonferroni): it holds whichever source is looked at, the
            strongest too.
        images: How many are eligible for either.
    """

    source: int
    rate: float
    excess: float
    interval: Interval
    images: int

    @property
    def beats(self) -> bool:
        """Whether it succeeds more than two points oftener, and not by chance."""
        return masks_gradients(self.excess, self.interval.low)


def strongest_transferred(arrays: Mapping[str, np.ndarray], target: int, own: Counted) -> Transferred | None:
    """Find the attack on another network that succeeds most often on a target; one that beats the own ones if any does.

    Args:
        arrays: As for `pair_of`.
        target: Which member.
        own: Whom attacks on the target itself fool.

    Returns:
        What was found; None where no image is eligible for an attack on another network, or for the own ones.
    """
    others = [source for source in range(len(arrays["clean"])) if source != target]
    seen = [(source, jointly_correct(pair_of(arrays, source, target))) for source in others]
    known = [(source, counted) for source, counted in seen if counted.eligible.any() and own.eligible.any()]
    found = [_against(own, source, counted, len(known)) for source, counted in known]
    return max(found, key=lambda each: (each.beats, each.excess), default=None)


def _against(own: Counted, source: int, counted: Counted, sources: int) -> Transferred:
    interval = paired_difference(counted, own, 1 - (1 - CONFIDENCE) / sources)
    images = int((counted.eligible | own.eligible).sum())
    return Transferred(source, counted.rate, counted.rate - own.rate, interval, images)


def paired_difference(first: Counted, second: Counted, confidence: float) -> Interval:
    """Give the interval of the difference of two rates over images that they share in part.

    Each rate's Wilson interval is put together with the other's (Newcombe 1998, method 10; for rates of any
    correlation, Zou and Donner 2008, section 2). It needs no resamples, so that any confidence can be asked for, and
    holds for few images, and for such as are all alike, where the bootstrap gives a single number.

    Args:
        first: Whose rate.
        second: Minus whose; both have an eligible image.
        confidence: Of the interval.

    Returns:
        The interval of first rate minus second rate.
    """
    (low_1, high_1), (low_2, high_2) = (_wilson(each, confidence) for each in (first, second))
    rate_1, rate_2, shared = first.rate, second.rate, _correlation(first, second)
    down = _together(rate_1 - low_1, high_2 - rate_2, shared)
    up = _together(high_1 - rate_1, rate_2 - low_2, shared)
    return Interval(rate_1 - rate_2 - down, rate_1 - rate_2 + up)


def _wilson(counted: Counted, confidence: float) -> Interval:
    test = stats.binomtest(int(counted.events.sum()), int(counted.eligible.sum()))
    low, high = test.proportion_ci(confidence, "wilson")
    return Interval(float(low), float(high))


def _together(first: float, second: float, correlation: float) -> float:
    return float(np.sqrt(max(first**2 + second**2 - 2 * correlation * first * second, 0.0)))


def _correlation(first: Counted, second: Counted) -> float:
    """Of two rates over the same images: that of what each image adds to them; 0 where one does not vary."""
    added = [each.events - each.rate * each.eligible for each in (first, second)]
    spread = np.sqrt(float((added[0] ** 2).sum() * (added[1] ** 2).sum()))
    return float((added[0] * added[1]).sum() / spread) if spread else 0.0


def strength_checks(members: list[Member], arrays: dict[str, np.ndarray]) -> list[Check]:
    """Check that no transferred attack, and none that does not see the logits' size, beats a network's own.

    Args:
        members: Sources and targets.
        arrays: As for `robust`, and ``attacks``, the names of those that ran, the matrix's first.
    """
    checks = []
    withstood = robust(arrays)
    for target, member in enumerate(members):
        own = jointly_correct(pair_of(arrays, target, target))
        all_own = Counted(own.eligible & ~withstood[target], own.eligible)
        checks.append(_own_check(members, own, strongest_transferred(arrays, target, own), member.name))
        checks.append(_worst_case_check(members, all_own, strongest_transferred(arrays, target, all_own), member.name))
        if len(arrays["attacks"]) > 1:
            checks.append(_further_check(arrays, own, withstood[target], member.name))
    return checks


def _own_check(members: list[Member], own: Counted, strongest: Transferred | None, name: str) -> Check:
    masked = strongest is not None and strongest.beats
    detail = _held_against("own attack", members, own, strongest)
    detail += ": gradients are masked, true robustness is lower than its own attack shows" if masked else ""
    return Check("own attack is the strongest", not masked, detail, name, ("white_box_accuracy",))


def _worst_case_check(members: list[Member], own: Counted, strongest: Transferred | None, name: str) -> Check:
    """Whether what transfers best to a network turns images that all attacks on itself together do not."""
    refuted = strongest is not None and strongest.beats
    detail = _held_against("all own attacks together", members, own, strongest)
    detail += ": its worst case is worse than they show" if refuted else ""
    return Check("own attacks find the worst case", not refuted, detail, name, ("worst_case_accuracy",))


def _held_against(attacks: str, members: list[Member], own: Counted, strongest: Transferred | None) -> str:
    if not own.eligible.any():
        return "no image is eligible"
    told = f"{attacks} {own.rate:.1%}, "
    if strongest is None:
        return told + "no attack on another network to hold it against"
    return told + f"strongest transferred {strongest.rate:.1%} (from {members[strongest.source].name})"


def _further_check(arrays: Mapping[str, np.ndarray], own: Counted, withstood: np.ndarray, name: str) -> Check:
    first, *more = (str(attack) for attack in arrays["attacks"])
    share, worst = (own.eligible & ~own.events).mean(), withstood.mean()
    flattered = overstates(share, worst)
    detail = f"right on the clean image and after {first} {share:.1%}, after {', '.join(more)} too {worst:.1%}"
    detail += ": the first attack overstates robustness" if flattered else ""
    metrics = ("white_box_accuracy", "white_box_accuracy_8bit")
    return Check("further attacks find no more", not flattered, detail, name, metrics)
