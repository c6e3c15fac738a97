"""The roles of networks in a comparison."""

from typing import Literal

Role = Literal["teacher", "baseline", "student", "control"]
"""``teacher``; ``baseline``: trained on the same data without a teacher; ``student``; ``control``: a student of another
teacher, which shows what any teacher passes on."""

ROLES: tuple[Role, ...] = ("teacher", "baseline", "student", "control")
"""All roles, in the order of tables."""


def control_name(method: str) -> str:
    """Return the name of the control of a student: the same method, with another teacher.

    Args:
        method: The name of the student.
    """
    return f"{method} of another teacher"
