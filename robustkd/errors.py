"""Every way in which robustkd says no.

Each error is one line for a person: what is wrong, where, and how to mend it. The command line prints it
without a traceback and leaves with `exit_code`.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class RobustKDError(Exception):
    """Anything robustkd refuses or fails at."""

    exit_code = 1


class BadInputError(RobustKDError):
    """The user asked for something that cannot be: a missing file, a wrong name, a value out of range."""

    exit_code = 2


class DataError(BadInputError):
    """A data set is missing, broken, or does not fit."""


class ModelError(BadInputError):
    """A network or a checkpoint is missing, broken, or does not fit."""


class StudyError(BadInputError):
    """A study file or a run directory is not what it should be."""


class EvaluationError(BadInputError):
    """An evaluation cannot be asked of these models."""


class StateError(ModelError):
    """The written state of a training is damaged, or that of another one."""


class TrainingError(RobustKDError):
    """A training ran and failed, for example because its loss was not finite."""


class StoppedError(RobustKDError):
    """A training was asked to stop, and has written down where it is."""

    exit_code = 130


class StorageError(RobustKDError):
    """Results could not be written: the disk is full, or gone."""


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Say which known names a mistyped one may have meant.

    Args:
        name: What the user wrote.
        known: The names that exist.
        count: How many to offer at the most.

    Returns:
        A clause such as ``"did you mean hinton?"``, or the known names where none is near.
    """
    known = sorted(known)
    close = get_close_matches(name, known, n=count, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(close)}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"known: {shown}"
