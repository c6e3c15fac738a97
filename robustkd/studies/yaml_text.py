"""A YAML reader for text that people write: duplicate keys and aliases that expand too far are errors."""

from typing import Any

import yaml

from robustkd.errors import StudyError

LARGEST = 100_000
"""The largest allowed number of values in a text with all aliases expanded; a study file has a few hundred."""

YAML_ERRORS = (yaml.YAMLError, ValueError, RecursionError)
"""The errors that reading a text may raise: for some values, PyYAML does not convert Python's own error."""


def parsed(text: str) -> Any:
    """Read YAML.

    Args:
        text: One YAML document.

    Returns:
        The content of the document.

    Raises:
        yaml.YAMLError: The text is not YAML, a key occurs twice, or aliases make it too large; `problem_place` returns
            the line.
        ValueError: A value is not valid, for example a date that does not exist.
    """
    return yaml.load(text, _Loader)


def parsed_option(text: str, option: str) -> Any:
    """Read YAML that was given on the command line.

    Args:
        text: The value of the option.
        option: The name of the option, for the error message.

    Returns:
        The content of the value.

    Raises:
        StudyError: The value is not YAML.
    """
    try:
        return parsed(text)
    except YAML_ERRORS as error:
        raise StudyError(f"{option}: not valid YAML ({problem(error)}), got {text!r}") from error


def problem_place(error: Exception) -> str:
    """Return the line of a YAML error as ``:12``; an empty string if it is unknown."""
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def problem(error: Exception) -> str:
    """Return the description of a YAML error in one line."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(getattr(error, "problem", None) or error).splitlines()[0]


class _Loader(yaml.SafeLoader):
    """Refuses duplicate keys, of which PyYAML would silently keep the last, and aliases that expand too far."""

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
