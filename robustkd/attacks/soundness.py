"""Whether attacks on a network were carried out as they should be; if not, their numbers cannot be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from robustkd.attacks.attack import Attack
from robustkd.attacks.craft import largest_change
from robustkd.results.records import Check

if TYPE_CHECKING:
    from torch import Tensor, nn

ROUNDING = 1e-5
"""The rounding error of float32 in the norm of a whole image."""

RANDOM_OUTPUT = 1e-3
"""The largest difference of two passes over the same images, relative to the largest logit, that rounding explains."""


@dataclass
class Soundness:
    """What is observed while a network is attacked.

    Attributes:
        evaluation_mode: Whether all networks were in evaluation mode before and after each attack.
        in_range: Whether all pixels of all examples were in [0, 1].
        random_output: The largest difference of two passes over the same images, relative to the largest logit.
        changes: For each attack and ε, by name, the attack and its largest perturbation.
    """

    evaluation_mode: bool = True
    in_range: bool = True
    random_output: float = 0.0
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
        steady = self.random_output <= RANDOM_OUTPUT
        twice = f"two passes over the same images differ by {self.random_output:.1e} of the largest logit"
        twice += "" if steady else ", so the gradient of one pass does not attack this randomised network"
        return [
            *(_within(name, attack, change) for attack, change in self.changes.values() if attack.epsilon is not None),
            Check("networks in evaluation mode", self.evaluation_mode, modes, name),
            Check("pixels in [0, 1]", self.in_range, pixels, name),
            Check("deterministic output", steady, twice, name),
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


def difference_of_two_passes(model: nn.Module, pixels: Tensor) -> float:
    """Return the largest difference between two passes over the same images, relative to the largest logit.

    Args:
        model: The network.
        pixels: The images, float32 (B, C, H, W) in [0, 1].
    """
    import torch

    with torch.inference_mode():
        first, second = model(pixels).float(), model(pixels).float()
    return float((first - second).abs().max() / first.abs().max().clamp_min(1e-12))
