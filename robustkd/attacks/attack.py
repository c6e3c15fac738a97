"""An attack of torchattacks with all its parameters: its norm, its size, and the name that a report gives it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from robustkd.errors import EvaluationError

Norm = Literal["Linf", "L2", ""]

Setting = str | int | float | bool

STANDARDISED = "standardised"

CraftingPrecision = Literal["auto", "float32", "tf32", "bfloat16"]
"""The precision that adversarial examples are crafted in; ``auto`` is bfloat16 on CUDA and float32 elsewhere."""

_FOLLOW_GRADIENTS = (
    *("APGD", "APGDT", "BIM", "DIFGSM", "EOTPGD", "FFGSM", "FGSM", "Jitter", "MIFGSM", "NIFGSM", "PGD", "PGDL2"),
    *("PGDRS", "PGDRSL2", "PIFGSM", "PIFGSMPP", "RFGSM", "SINIFGSM", "TIFGSM", "TPGD", "UPGD", "VMIFGSM"),
    "VNIFGSM",
)

_L2 = ("CW", "DeepFool", "PGDL2", "PGDRSL2")

_NO_BALL = ("EADEN", "EADL1", "JSMA", "OnePixel", "Pixle", "SparseFool", "GN", "VANILA")

_SEE_BATCH = ("APGDT", "AutoAttack", "DIFGSM", "EADEN", "EADL1", "PGDRS", "PGDRSL2", "SPSA", "TIFGSM")


@dataclass(frozen=True)
class Attack:
    """An attack and all its parameters.

    Attributes:
        name: The name of its class in torchattacks.
        parameters: The arguments of that class besides the network.
        logits: ``plain`` or ``standardised`` (see `StandardisedLogits`).
        distinction: The parameters that distinguish it from others of the same label (see `with_distinct_labels`).
    """

    name: str
    parameters: Mapping[str, Setting]
    logits: str = "plain"
    distinction: str = ""

    @property
    def label(self) -> str:
        """Its name in a report: ``PGD-20``, ``APGD-DLR-20``, ``PGD-20 on standardised logits``."""
        loss = str(self.parameters.get("loss", "ce")).upper() if self.name == "APGD" else ""
        length = self.parameters.get("steps", self.parameters.get("n_queries", ""))
        parts = (self.name, loss if loss != "CE" else "", str(length))
        # torchattacks runs 10 steps in place of AutoAttack's 100, so its result must not have that name
        name = "-".join(part for part in parts if part) if self.name != "AutoAttack" else "AA-torchattacks (10 steps)"
        name += " on standardised logits" if self.logits != "plain" else ""
        return f"{name} ({self.distinction})" if self.distinction else name

    @property
    def norm(self) -> Norm:
        """The norm in which its perturbation is bounded or minimised; empty where neither applies."""
        if "norm" in self.parameters:
            return "L2" if self.parameters["norm"] == "L2" else "Linf"
        if self.name in _NO_BALL:
            return ""
        return "L2" if self.name in _L2 else "Linf"

    @property
    def epsilon(self) -> float | None:
        """The largest perturbation, in its norm; None for attacks that look for the smallest one."""
        key = size_of(self.parameters)
        return None if key is None or not self.norm else float(self.parameters[key])

    @property
    def size(self) -> str:
        """Its norm and ε: ``L∞, ε = 0.031``."""
        norm = {"Linf": "L∞", "L2": "L2", "": "no norm"}[self.norm]
        return f"{norm}, no ε" if self.epsilon is None else f"{norm}, ε = {self.epsilon:g}"

    @property
    def sees_batch(self) -> bool:
        """Whether the adversarial example of an image depends on the other images of its batch."""
        square_in_l2 = self.name == "Square" and self.norm == "L2"
        return self.name in _SEE_BATCH or square_in_l2 or int(self.parameters.get("n_restarts", 1)) > 1

    @property
    def follows_gradients(self) -> bool:
        """Whether it takes steps in the direction of a gradient, and may therefore be crafted in a lower precision.

        All others look for a smallest change or compare outputs.
        """
        return self.name in _FOLLOW_GRADIENTS

    def with_epsilon(self, epsilon: float) -> Attack:
        """Return the same attack at another ε, with its step size scaled by the same factor.

        Args:
            epsilon: The new ε.

        Raises:
            EvaluationError: The attack has no ε.
        """
        if self.epsilon is None:
            raise EvaluationError(f"{self.name} has no eps, so it cannot be repeated at others: leave out `epsilons`")
        parameters = {**self.parameters, str(size_of(self.parameters)): epsilon}
        if "alpha" in parameters:
            parameters["alpha"] = float(parameters["alpha"]) * epsilon / self.epsilon
        return replace(self, parameters=parameters)


def size_of(parameters: Mapping[str, Any]) -> str | None:
    """Return the name of an attack's parameter for ε; None where it has none."""
    return next((key for key in ("eps", "max_epsilon") if key in parameters), None)


def with_distinct_labels(attacks: Sequence[Attack]) -> tuple[Attack, ...]:
    """Make the labels of attacks unique: if several share a label, the parameters in which they differ are appended.

    Args:
        attacks: The attacks of a run, all different.

    Returns:
        The attacks in the same order; those whose label is unique are unchanged.
    """
    found = []
    for attack in attacks:
        sharing = [other for other in attacks if other.label == attack.label]
        found.append(replace(attack, distinction=_differing(attack, sharing)) if len(sharing) > 1 else attack)
    return tuple(found)


def _differing(attack: Attack, sharing: list[Attack]) -> str:
    own, *others = (_complete(each) for each in (attack, *sharing))
    keys = [key for key in own if any(other.get(key) != own[key] for other in others)]
    return ", ".join(f"{key} {own[key]}" for key in keys)


def _complete(attack: Attack) -> dict[str, Any]:
    """The parameters of an attack, with torchattacks' defaults for those that it leaves out."""
    import torchattacks

    signature = inspect.signature(getattr(torchattacks, attack.name)).parameters
    return {
        key: attack.parameters.get(key, parameter.default) for key, parameter in signature.items() if key != "model"
    }
