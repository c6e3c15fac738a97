"""Mistakes in a command line, reported like all other errors: one line, with the nearest valid word."""

import re
from typing import Any

import typer

from robustkd.errors import nearest

EXIT_CODE = 2

UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""The base class of the parser's errors, whether typer uses click or its own copy of it."""

_VALUE = r"Invalid value for '?(.*?)'?: (?:Value error, )?"

_PLAIN_WORDS = (
    (r"No such command '(.*?)'.*", r"no command '\1'"),
    (r"No such option:? '?(\S+?)'?(?:\.? \(?Did you mean.*| \(Possible.*)?", r"no option \1"),
    (r"Missing parameter: (.*)", r"\1 is missing"),
    (r"Missing (?:argument|option|parameter) '?(.*?)'?(?:\. Choose from:? .*)?", r"\1 is missing"),
    (r"Option '?(.*?)'? requires an argument", r"\1 needs a value"),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", r"unexpected '\1'"),
    (_VALUE + r"'(.*)' is not one of (.*)", r"\1: must be one of \3, got '\2'"),
    (_VALUE + r"'(.*)' is not a valid int(?:eger)?(?: range)?", r"\1: must be a whole number, got '\2'"),
    (_VALUE + r"'(.*)' is not a valid float", r"\1: must be a number, got '\2'"),
    (_VALUE + r"'?(.*?)'? is not in the range x>=(\S+)", r"\1: must be at least \3, got \2"),
    (_VALUE + r"Input should be greater than or equal to (.*)", r"\1: must be at least \2"),
    (_VALUE + r"Input should be a valid integer.*", r"\1: must be a whole number"),
    (_VALUE + r"Input should be a valid number.*", r"\1: must be a number"),
    (_VALUE + r"(.*)", r"\1: \2"),
)
"""The messages of the parser in several of its versions, as regular expressions, and the messages that replace them."""


def usage_message(error: Exception) -> str:
    """Return what is wrong with a command line, in one line.

    Args:
        error: An instance of `UsageError`.
    """
    context = getattr(error, "ctx", None)
    command: Any = getattr(context, "command", None)
    text = " ".join(str(getattr(error, "format_message", error.__str__)()).split()).rstrip(".")
    for pattern, words in _PLAIN_WORDS:
        if (found := re.fullmatch(pattern, text)) is not None:
            text = found.expand(words)
            break
    wrong = re.fullmatch(r"no (?:command|option) '?(.*?)'?", text)
    known: list[str] = []
    if wrong is not None and text.startswith("no command") and hasattr(command, "list_commands"):
        known = command.list_commands(context)
    elif wrong is not None and command is not None:
        known = [each for parameter in command.params for each in parameter.opts if each.startswith("--")]
    path = getattr(context, "command_path", "robustkd").replace("python -m ", "")
    help_ = f"{path} --help lists what is possible" if wrong is None else nearest(wrong[1], known)
    return f"{path}: {text}{':' if wrong is not None else ';'} {help_}"
