"""Mistakes in the use of the command line, told in one line as all other errors are."""

from typing import Any

import typer

from robustkd.errors import nearest

# Typer exports the subclass alone, and newer versions bring a copy of Click of their own
UsageError: type[Exception] = typer.BadParameter.__mro__[1]


def described(error: Any) -> str:
    """Describe a mistake: the command, what is wrong, and what would be right.

    Args:
        error: A `UsageError`, as raised by Typer.

    Returns:
        One line.
    """
    context = error.ctx
    command = context.command_path if context is not None else "robustkd"
    if hasattr(error, "possibilities"):
        known = [option for param in context.command.get_params(context) for option in param.opts if option[0] == "-"]
        return f"{command}: unknown option {error.option_name}: {nearest(error.option_name, known)}"
    param = getattr(error, "param", None)
    if param is not None and type(error).__name__ == "MissingParameter":
        name = param.opts[0] if param.param_type_name == "option" else param.metavar or param.name
        meaning = (param.help or "").rstrip(".")
        return f"{command}: {name} is missing: {meaning[:1].lower()}{meaning[1:]}"
    message = " ".join(error.format_message().split()).rstrip(".")
    return f"{command}: {message[:1].lower()}{message[1:]}, see {command} --help"
