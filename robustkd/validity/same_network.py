"""Members that are the same network: one file given as several seeds, a student that is the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from robustkd.results.records import Check

if TYPE_CHECKING:
    from robustkd.validity.probe import Probed

CLOSE = 1e-6
"""The largest difference of two log-probabilities, relative to the largest one, that is rounding."""


def same_network_checks(probed: Sequence[Probed]) -> list[Check]:
    """Check that each member is a network of its own, by its outputs for the images of the probe.

    Args:
        probed: The members that can be measured.

    Returns:
        A check for each member; it fails for all but the first of those that are the same network.
    """
    checks = []
    for index, each in enumerate(probed):
        name = each.member.name
        other = next((earlier.member for earlier in probed[:index] if _same(earlier, each)), None)
        detail = f"{name} gives other logits than every other network"
        if other is not None:
            detail = (
                f"{name} gives the same logits as {other.name}: they are the same network, which must not count twice; "
                f"was the same file given for both?"
            )
        checks.append(Check("distinct network", other is None, detail, name))
    return checks


def _same(one: Probed, other: Probed) -> bool:
    if one.member.model.module is other.member.model.module and one.member.fingerprint == other.member.fingerprint:
        return True
    first, second = one.log_probabilities, other.log_probabilities
    if first is None or second is None or not bool(first.isfinite().all() and second.isfinite().all()):
        return False
    return float((first - second).abs().max()) <= CLOSE * float(first.abs().max())
