"""Attacks given by name: looked up in torchattacks, completed with its defaults, and refused if they cannot run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from robustkd.attacks.attack import STANDARDISED, Attack, Setting, size_of
from robustkd.errors import EvaluationError, nearest

_NOT_BY_NAME = {
    "MultiAttack": "it runs other attacks; list these in `white_box`, where each attacks what withstood the others",
    "LGV": "it trains the network further, on training images that are not available here; choose another attack",
}


def attack_by_name(given: Mapping[str, Setting], place: str) -> Attack:
    """Find an attack in torchattacks and complete its parameters with the defaults of its class.

    Args:
        given: The ``name`` of the attack, its parameters, and ``logits``.
        place: The option that it was given in, for error messages.

    Returns:
        The attack.

    Raises:
        EvaluationError: There is no such attack or parameter, a value cannot be used, or ``eps`` is missing where the
            attack has one.
    """
    import torchattacks

    parameters = dict(given)
    name, logits = str(parameters.pop("name", "")), str(parameters.pop("logits", "plain"))
    if name in _NOT_BY_NAME:
        raise EvaluationError(f"{place}: {name} cannot be used: {_NOT_BY_NAME[name]}")
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
    size = size_of(defaults)
    if size is not None and size not in parameters:
        raise EvaluationError(f"{place}: {name} needs {size}, because the defaults of attacks are not comparable")
    _refuse_unusable(name, parameters, defaults, place)
    plain = {key: value for key, value in defaults.items() if isinstance(value, str | int | float | bool)}
    return Attack(name, plain | parameters, logits)


def _refuse_unusable(name: str, given: Mapping[str, Setting], defaults: Mapping[str, Any], place: str) -> None:
    """Refuse values on which torchattacks would fail in the middle of the attack."""
    for key, value in given.items():
        default = defaults[key]
        if isinstance(default, bool) or not isinstance(default, int | float):
            wrong = type(value) is not type(default) and default is not None and default is not inspect.Parameter.empty
            kind = type(default).__name__
        else:
            wrong, kind = isinstance(value, bool) or not isinstance(value, int | float), "number"
        if wrong:
            raise EvaluationError(f"{place}: {key} of {name} must be a {kind}, got {value!r}")
    size = size_of(given)
    if size is not None and not float(given[size]) > 0:
        raise EvaluationError(f"{place}: {size} of {name} must be greater than 0, got {given[size]!r}")
    if "steps" in given and int(given["steps"]) < 1:
        raise EvaluationError(f"{place}: steps of {name} must be at least 1, got {given['steps']!r}")
    if given.get("norm", "Linf") not in ("Linf", "L2"):
        raise EvaluationError(f"{place}: norm of {name} must be Linf or L2, got {given['norm']!r}")
