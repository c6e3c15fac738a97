"""The standard version of AutoAttack, composed of torchattacks' attacks with the parameters of the original.

Croce, Hein, *Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks* (ICML
2020): APGD on the cross-entropy, targeted APGD on the difference of logits ratio, targeted FAB, and Square, each on the
images that withstood those before it. The class `torchattacks.AutoAttack` runs 10 steps in place of 100, one target for
each other class in place of 9, and another schedule of Square, so it is not used here.
"""

from __future__ import annotations

from typing import Literal

from robustkd.attacks.attack import Attack, Setting

ROBUSTBENCH = {"Linf": 8 / 255, "L2": 0.5}
"""ε by norm, as RobustBench uses it for CIFAR (Croce et al. 2021)."""

STEPS, TARGETS, QUERIES = 100, 9, 5000

FEWEST_CLASSES = 4
"""The targeted difference of logits ratio divides by a difference to the fourth largest logit."""


def standard_suite(norm: Literal["Linf", "L2"], classes: int) -> tuple[Attack, ...]:
    """Return the attacks in their order.

    Args:
        norm: The norm; ε is RobustBench's.
        classes: The number of classes. With fewer than ten, all other classes are targets; with fewer than four, there
            is no targeted APGD.
    """
    size: dict[str, Setting] = {"norm": norm, "eps": ROBUSTBENCH[norm]}
    targets: dict[str, Setting] = {"n_classes": min(TARGETS, classes - 1) + 1}
    apgd = Attack("APGD", {**size, "steps": STEPS, "loss": "ce"})
    targeted = Attack("APGDT", {**size, **targets, "steps": STEPS})
    fab = Attack("FAB", {**size, **targets, "steps": STEPS, "multi_targeted": True})
    square = Attack("Square", {**size, "n_queries": QUERIES, "resc_schedule": False})
    return (apgd, *([targeted] if classes >= FEWEST_CLASSES else []), fab, square)
