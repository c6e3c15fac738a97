"""The changes of an image that a decision may be invariant to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robustkd.evaluations.invariance.options import InvarianceOptions

if TYPE_CHECKING:
    from robustkd.data.alterations.alteration import Alteration

KINDS = {
    "colour": "colour jitter (strength)",
    "crop": "crops (share cut away)",
    "shift": "shift (pixels)",
    "rotation": "rotation (degrees)",
    "blur": "blur (pixels of 32)",
}
"""The kinds of change, and what their strength is."""


@dataclass(frozen=True, eq=False)
class Change:
    """A change of one kind and strength.

    Attributes:
        kind: A key of `KINDS`.
        strength: Its strength; for crops the share of the area that is cut away.
        first: What the other is compared with; None for the test images themselves.
        second: The changed images.
    """

    kind: str
    strength: float
    first: Alteration | None
    second: Alteration

    @property
    def label(self) -> str:
        """The kind and the strength, in short."""
        return f"{KINDS[self.kind].partition(' (')[0]} {self.strength:g}"


def changes(options: InvarianceOptions) -> Iterator[Change]:
    """Yield the changes by kind, from weak to strong; the draws of a kind are the same at all strengths."""
    from robustkd.data.alterations.blur import blur
    from robustkd.data.alterations.colour import colour_jitter
    from robustkd.data.alterations.geometry import cropped, rotated, shifted

    seed = options.seed
    for strength in sorted(set(options.colour)):
        yield Change("colour", strength, None, colour_jitter(strength, seed))
    for scale in sorted(set(options.crop), reverse=True):
        yield Change("crop", round(1 - scale, 9), cropped(scale, seed, 0), cropped(scale, seed, 1))
    for pixels in sorted(set(options.shift)):
        yield Change("shift", pixels, None, shifted(pixels, seed))
    for degrees in sorted(set(options.rotation)):
        yield Change("rotation", degrees, None, rotated(degrees, seed))
    for sigma in sorted(set(options.blur)):
        yield Change("blur", sigma, None, blur(sigma))


def count_of_sets(options: InvarianceOptions) -> int:
    """Return the number of sets that every network classifies."""
    once = (options.colour, options.shift, options.rotation, options.blur)
    return sum(len(set(strengths)) for strengths in once) + 2 * len(set(options.crop))
