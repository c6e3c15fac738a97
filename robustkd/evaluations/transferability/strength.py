"""Whether the attacks on a network itself are as strong as they should be: no other attack does better.

An attack that uses a network's gradients should be stronger than one that is transferred to it. Where it is not, the
gradients are masked (Athalye, Carlini, Wagner, *Obfuscated Gradients Give a False Sense of Security*, ICML 2018,
section 3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from robustkd.attacks.counting import jointly_correct
from robustkd.attacks.gradients import NOWHERE, UP, stands_still
from robustkd.evaluations.transferability.matrix import pair_of, robust
from robustkd.results.records import Check
from robustkd.statistics.intervals import CONFIDENCE, Interval, wilson
from robustkd.statistics.rates import Counted, paired_difference

if TYPE_CHECKING:
    from robustkd.models import Member

MASKING_POINTS = 0.02
OVERSTATED_POINTS = 0.05

_ROUNDING = 1e-9

ALL_SOURCES = "95% over test images, for all sources together"

FEWEST_UP = 0.8
"""The share of steps along the gradient that bring an image closer to a mistake, in networks that can be attacked."""

RESTS_ON_MAIN_ATTACK = (
    *("white_box_accuracy", "white_box_accuracy_8bit", "withstood_first", "asymmetry"),
    *("mean_from_source", "mean_from_source_others", "explained_by_accuracy"),
    *("transfer_success", "transfer_success_fooled_source", "transfer_success_8bit", "survival_8bit", "fooling_rate"),
)
"""The metrics that rest on the matrix's attack on a network; those of the last line where the network is the source."""

RESTS_ON_GRADIENTS = (*RESTS_ON_MAIN_ATTACK, "worst_case_accuracy")
"""The metrics that mean nothing for a network whose gradients lead nowhere."""

UNKNOWN = "the robustness of this network is unknown"


def masks_gradients(excess: float, low: float) -> bool:
    """Return whether a transferred attack is significantly, and by more than two points, stronger than a white-box one.

    Args:
        excess: The success of the strongest transferred attack minus that of the attack on the network itself.
        low: The lower end of its paired interval over the same images, for all sources together.
    """
    return bool(excess > MASKING_POINTS + _ROUNDING and low > 0)


def overstates(first: float, worst: float) -> bool:
    """Return whether the first attack overstates robustness by more than five points.

    Several attacks together always find a little more than one of them; a larger gap is a fault of the first.

    Args:
        first: The share of images classified correctly, both clean and after the first attack.
        worst: The share of images classified correctly, both clean and after all attacks.
    """
    return bool(first - worst > OVERSTATED_POINTS + _ROUNDING)


class Transferred(NamedTuple):
    """An attack transferred to a network, compared with attacks on the network itself.

    Attributes:
        source: The index of the attack's source among the members.
        rate: The success rate of the attack.
        excess: The success rate minus that of the attacks on the network itself.
        interval: The interval of the excess, for all sources together (Bonferroni), so that it also holds for the
            strongest.
        images: The number of images that are eligible for either.
    """

    source: int
    rate: float
    excess: float
    interval: Interval
    images: int

    @property
    def beats(self) -> bool:
        """Whether the transferred attack is significantly stronger, by more than two points."""
        return masks_gradients(self.excess, self.interval.low)


def strongest_transferred(arrays: Mapping[str, np.ndarray], target: int, own: Counted) -> Transferred | None:
    """Return the attack on another network that exceeds the attacks on the target itself by most.

    Args:
        arrays: The records, as for `pair_of`.
        target: The index of the target.
        own: The images on which attacks on the target itself succeed.

    Returns:
        The attack, one that beats the target's own if there is any; None where no image is eligible for an attack on
        another network, or for those on the target itself.
    """
    others = [source for source in range(len(arrays["clean"])) if source != target]
    seen = [(source, jointly_correct(pair_of(arrays, source, target))) for source in others]
    known = [(source, counted) for source, counted in seen if counted.eligible.any() and own.eligible.any()]
    found = [_compared(own, source, counted, len(known)) for source, counted in known]
    return max(found, key=lambda each: (each.beats, each.excess), default=None)


def _compared(own: Counted, source: int, counted: Counted, sources: int) -> Transferred:
    interval = paired_difference(counted, own, 1 - (1 - CONFIDENCE) / sources)
    images = int((counted.eligible | own.eligible).sum())
    return Transferred(source, counted.rate, counted.rate - own.rate, interval, images)


def zero_gradient_check(member: Member, zero_gradient: np.ndarray, *, alone: bool) -> Check:
    """Check that the gradients that the matrix's attack follows do not vanish.

    Args:
        member: The network.
        zero_gradient: Whether the input gradient of an image is exactly zero, bool (N,).
        alone: Whether no further attack was run, so that the worst case also relies on this attack.

    Returns:
        The check.
    """
    share = float(zero_gradient.mean())
    moves = not stands_still(share)
    detail = f"the input gradient is exactly zero for {share:.1%} of the images"
    if moves:
        detail += ", so attacks on the cross-entropy can move"
    else:
        detail += ", where attacks on the cross-entropy cannot move: they overstate the robustness of this network"
        detail += " and understate transfer from it" if member.role == "teacher" else ""
    resting = (*RESTS_ON_MAIN_ATTACK, "worst_case_accuracy") if alone else RESTS_ON_MAIN_ATTACK
    return Check("nonzero gradients of the cross-entropy", moves, detail, member.name, resting)


def gradient_check(member: Member, gradient: np.ndarray) -> Check:
    """Check that the gradients of the margin lead towards mistakes; if not, no attack that follows them means anything.

    Args:
        member: The network.
        gradient: What `leads_up` found for a sample of the images, int8 (S,).
    """
    vanished, followed = float((gradient == NOWHERE).mean()), gradient[gradient != NOWHERE]
    name, count = "gradients lead towards mistakes", len(gradient)
    if stands_still(vanished):
        detail = (
            f"the gradient of the margin is exactly zero for {vanished:.1%} of {count} images, so attacks that follow "
            f"gradients find nothing: {UNKNOWN}"
        )
        return Check(name, False, detail, member.name, RESTS_ON_GRADIENTS)
    up = int((followed == UP).sum())
    leads = wilson(up, len(followed)).high >= FEWEST_UP
    detail = f"a small step along the gradient brings {up} of {len(followed)} images closer to a mistake"
    if leads:
        detail += ", as it should"
    else:
        detail += f", as a random step would, so attacks that follow gradients find little: {UNKNOWN}"
    return Check(name, leads, detail, member.name, RESTS_ON_GRADIENTS)


def strength_checks(members: list[Member], arrays: Mapping[str, np.ndarray]) -> list[Check]:
    """Check that no transferred attack and no further attack beats a network's white-box attack.

    Args:
        members: The sources and targets.
        arrays: The records, as for `robust`, and ``attacks``, the labels of the attacks that ran, the matrix's first.

    Returns:
        The checks of each network.
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
        checks += _gradient_free_check(arrays, target, member.name)
    return checks


def _own_check(members: list[Member], own: Counted, strongest: Transferred | None, name: str) -> Check:
    """Whether the matrix's attack on a network is at least as strong as the best one transferred to it."""
    masked = strongest is not None and strongest.beats
    detail = _comparison("the attack on the network itself succeeds", members, own, strongest)
    if strongest is not None and not masked:
        detail += ", so nothing suggests masked gradients"
    if masked:
        detail += ", so its gradients are masked: white-box accuracy is overstated, and transfer from it understated"
    return Check("white-box attack as strong as transferred attacks", not masked, detail, name, RESTS_ON_MAIN_ATTACK)


def _worst_case_check(members: list[Member], own: Counted, strongest: Transferred | None, name: str) -> Check:
    """Whether the best transferred attack fools a network on images that all attacks on itself together do not."""
    refuted = strongest is not None and strongest.beats
    detail = _comparison("all attacks on the network itself together succeed", members, own, strongest)
    if strongest is not None:
        detail += f", so {UNKNOWN}" if refuted else ", so nothing refutes the worst case"
    title = "all white-box attacks together as strong as transferred attacks"
    return Check(title, not refuted, detail, name, ("worst_case_accuracy",))


def _comparison(attacks: str, members: list[Member], own: Counted, strongest: Transferred | None) -> str:
    if not own.eligible.any():
        return "the network classifies no image correctly, so there is nothing to attack"
    seen = f"{attacks} on {own.rate:.1%} of the correctly classified images"
    if strongest is None:
        return f"{seen}; there is no attack on another network to compare with"
    return f"{seen}, the strongest transferred attack (from {members[strongest.source].name}) on {strongest.rate:.1%}"


def _further_check(arrays: Mapping[str, np.ndarray], own: Counted, withstood: np.ndarray, name: str) -> Check:
    """Whether further attacks leave about as many images standing as the matrix's attack."""
    first, *more = (str(attack) for attack in arrays["attacks"])
    share, worst = (own.eligible & ~own.events).mean(), withstood.mean()
    overstated = overstates(share, worst)
    detail = f"{share:.1%} of the images withstand {first}, and {worst:.1%} also withstand {', '.join(more)}"
    detail += f", so {first} alone overstates robustness: read the worst case" if overstated else ", which is close"
    metrics = ("white_box_accuracy", "white_box_accuracy_8bit")
    return Check("first attack nearly as strong as all attacks together", not overstated, detail, name, metrics)


def _gradient_free_check(arrays: Mapping[str, np.ndarray], target: int, name: str) -> list[Check]:
    """Whether an attack without gradients finds nothing that those with gradients did not."""
    names = [str(attack) for attack in arrays["attacks"][1:]]
    square = next((place for place, attack in enumerate(names) if attack.startswith("Square")), None)
    if square is None or "sample" not in arrays:
        return []
    right = int((arrays["sample"] & (arrays["clean"][target] == arrays["label"])).sum())
    answers = arrays["own"][square, target]
    fooled = int(((answers >= 0) & (answers != arrays["label"])).sum())
    detail = (
        f"{names[square]}, which uses no gradients, fools it on {fooled} of {right} images beyond the other attacks"
    )
    masked = right > 0 and wilson(fooled, right).low > MASKING_POINTS
    if not masked:
        detail += ", which adds little"
    else:
        detail += f", so its gradients are masked, or the other attacks have too few steps: {UNKNOWN}"
    return [Check("no attack without gradients is stronger", not masked, detail, name, RESTS_ON_GRADIENTS)]
