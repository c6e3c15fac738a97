"""What of a method is kept in Python, and whether a step changes it."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from robustkd.distillation.python_state import (
    OpaqueStateError,
    changed_in_place,
    python_state,
    restore,
    state_key,
)


@dataclass(frozen=True)
class Setting:
    weight: float


class Holder(nn.Module):
    def __init__(self, **attributes: Any) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.register_buffer("scale", torch.ones(()))
        for name, value in attributes.items():
            setattr(self, name, value)


def test_modules_parameters_and_buffers_are_left_out() -> None:
    assert python_state(Holder(weight=2.0)) == {"weight": 2.0}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1, 2),
        (True, 1),
        (1, 1.0),
        ("a", "b"),
        ((1, 2), (1, 3)),
        ([1], [1, 1]),
        ({"a": 1}, {"a": 2}),
        ({1}, {2}),
        (Setting(1.0), Setting(2.0)),
        (None, 0),
        (torch.zeros(1), torch.zeros(1)),
    ],
)
def test_another_value_has_another_key(first: Any, second: Any) -> None:
    keys = {state_key(python_state(Holder(held=value))) for value in (first, second)}

    assert len(keys) == 2


@pytest.mark.parametrize("value", [1, (1, "a"), [1], {"a": {1}}, Setting(1.0), None, torch.float32, max])
def test_an_equal_value_has_the_same_key(value: Any) -> None:
    assert state_key({"held": value}) == state_key({"held": value})


def test_what_cannot_be_looked_into_is_named() -> None:
    with pytest.raises(OpaqueStateError, match=r"changes of its attribute held .object. cannot be seen"):
        state_key({"held": object()})


def test_a_list_that_grows_is_changed_in_place_and_a_number_that_is_set_is_not() -> None:
    holder = Holder(seen=[1], count=1)
    before = python_state(holder)
    key = state_key(before)

    holder.count = 2
    assert changed_in_place(before, key, python_state(holder)) == ""

    holder.seen.append(2)
    assert changed_in_place(before, key, python_state(holder)) == "seen"


def test_a_state_is_restored() -> None:
    holder = Holder(turn=0)
    before = python_state(holder)
    holder.turn = 5

    restore(holder, before)

    assert holder.turn == 0
