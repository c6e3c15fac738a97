"""YAML that people wrote: a key that occurs twice, or aliases that expand without end, are refused before they harm."""

from typing import Any

import yaml

from robustkd.errors import StudyError

LARGEST = 100_000
"""The largest number of values of a text with all aliases expanded; a study file has a few hundred."""

YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)
"""What reading a text may raise: PyYAML lets some values fail in Python's own way."""


def parsed(text: str) -> Any:
    """Read YAML.

    Args:
        text: One document.

    Returns:
        Its content.

    Raises:
        yaml.YAMLError: It is not YAML, a key occurs twice, or aliases make it too large; `problem_place` says where.
        ValueError: A value is none, as of a date that does not exist.
    """
    return yaml.load(text, _Loader)


def parsed_option(text: str, option: str) -> Any:
    """Read YAML that was given on the command line.

    Args:
        text: The value.
        option: The option, for the message.

    Raises:
        StudyError: It is not YAML.
    """
    try:
        return parsed(text)
    except YAML_ERRORS as error:
        raise StudyError(f"{option}: not valid YAML ({problem(error)}), got {text!r}") from error


def problem_place(error: Exception) -> str:
    """Return the line of a problem as ``:12``, or nothing where it is not known."""
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def problem(error: Exception) -> str:
    """Return a problem of YAML in one line."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(getattr(error, "problem", None) or error).splitlines()[0]


class _Loader(yaml.SafeLoader):
    """Refuses a key that occurs twice, of which YAML would silently keep the last, and texts that expand too far."""

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None and _expanded(node, {}) > LARGEST:
            raise yaml.MarkedYAMLError(
                problem=f"its aliases expand to more than {LARGEST:,} values", problem_mark=node.start_mark
            )
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key, _ in reversed(node.value) if keys.count(key.value) > 1), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"{twice.value} occurs twice", problem_mark=twice.start_mark)
        return super().construct_mapping(node, deep)


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values of a node with all aliases expanded; a node that contains itself counts once."""
    if id(node) not in known:
        known[id(node)] = 1
        inner: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            inner = [each for pair in node.value for each in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = node.value
        known[id(node)] = 1 + sum(_expanded(each, known) for each in inner)
    return known[id(node)]
