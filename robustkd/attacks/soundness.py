"""Whether attacks on a network were carried out as they should be; if not, their numbers cannot be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from robustkd.attacks.attack import Attack
from robustkd.attacks.craft import largest_change
from robustkd.results.records import Check

if TYPE_CHECKING:
    from torch import Tensor

ROUNDING = 1e-5
"""The rounding error of float32 in the norm of a whole image."""


@dataclass
class Soundness:
    """What is observed while a network is attacked.

    Attributes:
        evaluation_mode: Whether all networks were in evaluation mode before and after each attack.
        in_range: Whether all pixels of all examples were in [0, 1].
        changes: For each attack and ε, by name, the attack and its largest perturbation.
    """

    evaluation_mode: bool = True
    in_range: bool = True
    changes: dict[str, tuple[Attack, float]] = field(default_factory=dict)

    def see(self, attack: Attack, examples: Tensor, pixels: Tensor) -> None:
        """Look at the examples of a batch.

        Args:
            attack: The attack that made them.
            examples: The adversarial examples, float32 (B, C, H, W).
            pixels: The clean images, of the same shape.
        """
        self.in_range &= bool(((examples >= 0) & (examples <= 1)).all())
        name = f"{attack.label}, {attack.epsilon}"
        change = largest_change(attack, examples, pixels)
        self.changes[name] = attack, max(change, self.changes.get(name, (attack, 0.0))[1])

    def checks(self, name: str) -> list[Check]:
        """Return the validity checks; one that fails voids all numbers of the network.

        Args:
            name: The name of the network.
        """
        modes = "all networks were in evaluation mode before and after each attack"
        if not self.evaluation_mode:
            modes = "a network was in training mode before or after an attack, so the numbers are void"
        pixels = "all pixels of all adversarial examples are in [0, 1]"
        if not self.in_range:
            pixels = "some adversarial examples leave [0, 1], so the numbers are void"
        return [
            *(_within(name, attack, change) for attack, change in self.changes.values() if attack.epsilon is not None),
            Check("networks in evaluation mode", self.evaluation_mode, modes, name),
            Check("pixels in [0, 1]", self.in_range, pixels, name),
        ]


def _within(name: str, attack: Attack, change: float) -> Check:
    within = change <= (attack.epsilon or 0.0) + ROUNDING
    norm = "L2" if attack.norm == "L2" else "L∞"
    detail = f"{attack.label} changes an image by at most {change:.4f} ({norm}), within ε = {attack.epsilon:.4f}"
    if not within:
        detail = (
            f"{attack.label} changes an image by {change:.4f} ({norm}), more than ε = {attack.epsilon:.4f}, so the "
            "numbers are void"
        )
    return Check("perturbation within ε", within, detail, name)
