"""The state of a method that is kept in Python: what a step depends on besides tensors."""

import dataclasses
from collections.abc import Hashable, Mapping
from enum import Enum
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, cast

import torch
from torch import Tensor, nn

_IMMUTABLE = (type(None), bool, int, float, complex, str, bytes, type, range, Enum, torch.dtype, torch.device)
_BY_IDENTITY = (Tensor, nn.Module, FunctionType, BuiltinFunctionType, MethodType, torch.Generator)
_OF_TORCH = frozenset(vars(nn.Module()))


class OpaqueStateError(Exception):
    """An attribute whose changes cannot be seen."""


def python_state(method: nn.Module) -> dict[str, Any]:
    """Return the attributes of a method, without modules, parameters and buffers.

    Args:
        method: The method.
    """
    return {name: value for name, value in vars(method).items() if name not in _OF_TORCH}


def state_key(state: Mapping[str, Any]) -> Hashable:
    """Return a key that is equal for equal states.

    Args:
        state: The attributes by name, as `python_state` returns them.

    Raises:
        OpaqueStateError: An attribute is of a type whose changes cannot be seen.
    """
    return tuple((name, _frozen(name, value)) for name, value in state.items())


def changed_in_place(before: Mapping[str, Any], key: Hashable, after: Mapping[str, Any]) -> str:
    """Return the name of an attribute that holds the same object as before, but with another content; empty if none.

    Args:
        before: The attributes before a step.
        key: Their key, computed before the step.
        after: The attributes after it.
    """
    held = dict(cast("tuple[tuple[str, Hashable], ...]", key))
    return next(
        (name for name in before if after.get(name) is before[name] and _frozen(name, after[name]) != held[name]), ""
    )


def restore(method: nn.Module, state: Mapping[str, Any]) -> None:
    """Give a method the attributes that it had."""
    vars(method).update(state)


def _frozen(name: str, value: Any) -> Hashable:
    if isinstance(value, _IMMUTABLE):
        # 1, 1.0 and True are equal, but not the same setting
        return type(value), value
    if isinstance(value, _BY_IDENTITY):
        return id(value)
    if isinstance(value, list | tuple):
        return type(value), tuple(_frozen(name, each) for each in value)
    if isinstance(value, set | frozenset):
        return type(value), frozenset(_frozen(name, each) for each in value)
    if isinstance(value, Mapping):
        return type(value), tuple((_frozen(name, key), _frozen(name, each)) for key, each in value.items())
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return type(value), tuple(_frozen(name, getattr(value, field.name)) for field in fields)
    raise OpaqueStateError(f"changes of its attribute {name} ({type(value).__name__}) cannot be seen")
