"""Attacks by name: torchattacks' own code, with what could make two runs of it differ put under control.

* Starts, and other uniform or normal numbers for a whole batch, are drawn image by image from (seed, index in the data
  set), on the CPU, whatever the batch; the global random state is left alone (torchattacks' APGD would reset it, and
  give every batch the same noise). Attacks that draw otherwise, or look at the batch as a whole, depend on the batch
  size (`Attack.sees_batch`), as do restarts, which are made for what is left of the batch.
* APGD and its kin pass over images that are misclassified already; these are left out beforehand, so that the others'
  draws do not move up.
* ``logits: standardised`` attacks through `StandardisedLogits`. Cross-entropy's input gradient underflows to zero where
  logits are large, and distillation changes how large they are; behind standardised logits their size has no effect.
* What is called AutoAttack in torchattacks runs 10 steps in place of 100: it is never named AutoAttack here.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from robustkd.errors import EvaluationError, nearest

if TYPE_CHECKING:
    pass

Norm = Literal["Linf", "L2", ""]

Setting = str | int | float | bool

STANDARDISED = "standardised"

_L2 = ("CW", "DeepFool", "PGDL2", "PGDRSL2")

_NO_BALL = ("EADEN", "EADL1", "JSMA", "OnePixel", "Pixle", "SparseFool", "GN", "VANILA")

_SEE_BATCH = (
    "APGDT",
    "AutoAttack",
    "DIFGSM",
    "EADEN",
    "EADL1",
    "OnePixel",
    "PGDRS",
    "PGDRSL2",
    "Pixle",
    "SPSA",
    "Square",
    "TIFGSM",
)

_NOT_BY_NAME = {
    "MultiAttack": "it holds other attacks: list these in `white_box`, where each meets what withstood those before it",
    "LGV": "it trains the network further, on training images that are not at hand here: take another attack",
}


@dataclass(frozen=True)
class Attack:
    """An attack and all its parameters.

    Attributes:
        name: Its class in torchattacks.
        parameters: What that is given besides the network.
        logits: ``plain`` or ``standardised``.
    """

    name: str
    parameters: Mapping[str, Setting]
    logits: str = "plain"

    @property
    def label(self) -> str:
        """What a report calls it: ``PGD-20``, ``APGD-DLR-20``, ``PGD-20 on standardised logits``."""
        loss = str(self.parameters.get("loss", "ce")).upper() if self.name == "APGD" else ""
        parts = (self.name, loss if loss != "CE" else "", str(self.parameters.get("steps", "")))
        name = "-".join(part for part in parts if part) if self.name != "AutoAttack" else "AA-torchattacks (10 steps)"
        return name + (" on standardised logits" if self.logits != "plain" else "")

    @property
    def norm(self) -> Norm:
        """In which norm its change is bounded or measured; empty where neither applies."""
        if "norm" in self.parameters:
            return "L2" if self.parameters["norm"] == "L2" else "Linf"
        if self.name in _NO_BALL:
            return ""
        return "L2" if self.name in _L2 else "Linf"

    @property
    def epsilon(self) -> float | None:
        """The largest change, in its norm; None for attacks that look for the smallest one."""
        key = _size_of(self.parameters)
        return None if key is None or not self.norm else float(self.parameters[key])

    @property
    def size(self) -> str:
        """Its norm and ε: ``L∞, ε = 0.031``."""
        norm = {"Linf": "L∞", "L2": "L2", "": "no norm"}[self.norm]
        return f"{norm}, no ε" if self.epsilon is None else f"{norm}, ε = {self.epsilon:g}"

    @property
    def sees_batch(self) -> bool:
        """Whether an image's example depends on which other images are in its batch."""
        return self.name in _SEE_BATCH or int(self.parameters.get("n_restarts", 1)) > 1

    def with_epsilon(self, epsilon: float) -> Attack:
        """Give the same attack at another ε; its step changes by the same factor."""
        if self.epsilon is None:
            raise EvaluationError(f"{self.name} has no eps, so there is no sweep of it: leave `epsilons` out")
        parameters = {**self.parameters, str(_size_of(self.parameters)): epsilon}
        if "alpha" in parameters:
            parameters["alpha"] = float(parameters["alpha"]) * epsilon / self.epsilon
        return replace(self, parameters=parameters)


def attack_by_name(given: Mapping[str, Setting], place: str) -> Attack:
    """Find an attack in torchattacks and complete its parameters with that class's own defaults.

    Args:
        given: ``name``, its parameters, and ``logits``.
        place: Where this was asked, for the message.

    Returns:
        The attack.

    Raises:
        EvaluationError: There is no such attack or parameter, or `eps` is missing where the attack has one.
    """
    import torchattacks

    parameters = dict(given)
    name, logits = str(parameters.pop("name", "")), str(parameters.pop("logits", "plain"))
    if name in _NOT_BY_NAME:
        raise EvaluationError(f"{place}: {name} cannot be asked for by name, for {_NOT_BY_NAME[name]}")
    known = [each for each in torchattacks.__all__ if each not in _NOT_BY_NAME]
    if name not in known:
        raise EvaluationError(f"{place}: torchattacks has no attack {name!r}: {nearest(name, known)}")
    if logits not in ("plain", STANDARDISED):
        raise EvaluationError(f"{place}: logits must be plain or {STANDARDISED}, got {logits!r}")
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(getattr(torchattacks, name)).parameters.items()
        if key not in ("model", "device", "verbose")
    }
    for key in parameters:
        if key not in defaults:
            raise EvaluationError(f"{place}: {name} has no parameter {key!r}: {nearest(key, defaults)}")
    size = _size_of(defaults)
    if size is not None and size not in parameters:
        raise EvaluationError(f"{place}: {name} needs {size}, for the defaults of attacks cannot be compared")
    _refuse_unusable(name, parameters, defaults, place)
    plain = {key: value for key, value in defaults.items() if isinstance(value, str | int | float | bool)}
    return Attack(name, plain | parameters, logits)


def _size_of(parameters: Mapping[str, Any]) -> str | None:
    """What an attack calls its ε; None where it has none."""
    return next((key for key in ("eps", "max_epsilon") if key in parameters), None)


def _refuse_unusable(name: str, given: Mapping[str, Setting], defaults: Mapping[str, Any], place: str) -> None:
    """Refuse values that torchattacks would stumble over in the middle of its work."""
    for key, value in given.items():
        default = defaults[key]
        if isinstance(default, bool) or not isinstance(default, int | float):
            wrong = type(value) is not type(default) and default is not None and default is not inspect.Parameter.empty
            kind = type(default).__name__
        else:
            wrong, kind = isinstance(value, bool) or not isinstance(value, int | float), "number"
        if wrong:
            raise EvaluationError(f"{place}: {key} of {name} must be a {kind}, got {value!r}")
    size = _size_of(given)
    if size is not None and not float(given[size]) > 0:
        raise EvaluationError(f"{place}: {size} of {name} must be above 0, got {given[size]!r}")
    if "steps" in given and int(given["steps"]) < 1:
        raise EvaluationError(f"{place}: steps of {name} must be at least 1, got {given['steps']!r}")
    if given.get("norm", "Linf") not in ("Linf", "L2"):
        raise EvaluationError(f"{place}: norm of {name} must be Linf or L2, got {given['norm']!r}")
