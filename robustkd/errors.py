"""The errors that robustkd raises.

Each message is one line for a person: what is wrong, where, and how to fix it. The command line prints it without a
traceback and exits with `exit_code`.
"""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


class RobustKDError(Exception):
    """The base class of all errors that robustkd raises.

    The message is one line whatever names it quotes: control characters are escaped.

    >>> import robustkd as rk
    >>> try:
    ...     rk.load_dataset("digts")
    ... except rk.RobustKDError as error:
    ...     print(error)
    unknown data set 'digts': did you mean digits?
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class BadInputError(RobustKDError):
    """The input is not usable: a missing file, a wrong name, a value out of range."""

    exit_code = 2


class DataError(BadInputError):
    """A data set is missing, damaged, or does not fit."""


class ModelError(BadInputError):
    """A network or a checkpoint is missing, damaged, or does not fit."""


class StudyError(BadInputError):
    """A study file or a run directory is not valid."""


class EvaluationError(BadInputError):
    """An evaluation does not apply to these models."""


class StateError(ModelError):
    """The saved state of a training is damaged, or belongs to another training."""


class TrainingError(RobustKDError):
    """A training failed, for example because its loss was not finite."""


class StoppedError(RobustKDError):
    """A training was asked to stop and has saved its state."""

    exit_code = 130


class StorageError(RobustKDError):
    """Results could not be written, for example because the disk is full."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Suggest the known names that are closest to a mistyped one.

    Args:
        name: The name as the user wrote it.
        known: The names that exist.
        count: The largest number of suggestions.

    Returns:
        A clause such as ``"did you mean hinton?"``, or the known names where none is near.
    """
    known = sorted(known)
    if not known:
        return "there are none"
    close = get_close_matches(name, known, n=count, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"known: {shown}"


def printable(text: str) -> str:
    r"""Escape what would change a line of output instead of being shown: control and direction-changing characters.

    Args:
        text: Any text, such as a message that quotes a file name.

    >>> printable("a\\tb\\x1b[31mc")
    'a\\\\tb\\\\x1b[31mc'
    """
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(
        each.encode("unicode_escape").decode("ascii") if unicodedata.category(each) in hidden else each for each in text
    )
