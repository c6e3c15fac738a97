"""One entry under the methods of a family of students: a method by its own name, or under another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ENTRY_KEYS = ("method", "training", "teacher", "assistants")
"""The keys of an entry that are no options of its method."""


@dataclass(frozen=True)
class MethodEntry:
    """A method with everything that a study sets for it.

    Attributes:
        name: The name in tables: that of the method, unless the entry has one of its own.
        method: The method.
        options: Its options.
        training: The fields of the recipe that differ for it.
        assistants: The assistants between its teacher and its students, as in the study file; None for those of the
            teacher.
        teacher: The teacher that it learns from, as in the study file; None for that of the family.
    """

    name: str
    method: str
    options: Mapping[str, Any]
    training: Mapping[str, Any]
    assistants: Any = None
    teacher: Any = None


def method_entry(name: str, given: Mapping[str, Any]) -> MethodEntry:
    """Read an entry.

    Args:
        name: Its name.
        given: Its keys and values.
    """
    return MethodEntry(
        name,
        given.get("method", name),
        {key: value for key, value in given.items() if key not in ENTRY_KEYS},
        given.get("training", {}),
        given.get("assistants"),
        given.get("teacher"),
    )
