"""The errors that robustkd raises.

Each message is one line that says what is wrong, where, and how to fix it. The command line prints it without a
traceback and exits with `exit_code`.
"""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches


class RobustKDError(Exception):
    """The base class of all errors that robustkd raises.

    The message is always one line: control characters in the names that it quotes are escaped.

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
    """The input is not usable, for example a missing file, an unknown name or a value out of range."""

    exit_code = 2


class DataError(BadInputError):
    """A data set is missing, damaged or not suitable."""


class ModelError(BadInputError):
    """A network or a checkpoint is missing, damaged or not suitable."""


class StudyError(BadInputError):
    """A study file or a run directory is not valid."""


class EvaluationError(BadInputError):
    """An evaluation does not apply to these models."""


class StateError(ModelError):
    """The saved state of a training run is damaged or belongs to another training run."""


class TrainingError(RobustKDError):
    """A training run failed, for example because its loss was not finite."""


class StoppedError(RobustKDError):
    """A training run was stopped on request, after its state was saved."""

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
        A clause such as ``"did you mean hinton?"``, or a list of known names if none is close.
    """
    known = sorted(known)
    if not known:
        return "no name is valid here"
    close = get_close_matches(name, known, n=count, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"known: {shown}"


def printable(text: str) -> str:
    r"""Escape characters that would change a line of output instead of being shown.

    These are control characters, line separators and invisible formatting such as a change of the text direction.

    Args:
        text: Any text, such as a message that quotes a file name.

    >>> printable("a\\tb\\x1b[31mc")
    'a\\\\tb\\\\x1b[31mc'
    """
    hidden = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    return "".join(
        each.encode("unicode_escape").decode("ascii") if unicodedata.category(each) in hidden else each for each in text
    )
