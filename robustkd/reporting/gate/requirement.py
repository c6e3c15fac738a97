"""A requirement on one number of every student, and the form in which it is written.

``[STUDENT:]METRIC[.low|.high][@CONDITION] OPERATOR NUMBER[%]``, such as ``accuracy_drop <= 1%``,
``kd:fidelity.agreement.low >= 0.8`` or ``accuracy@label noise 40% > 0.5``. METRIC is ``evaluation.metric``, the name of
a metric that only one evaluation of the run has, or one of `named.DROPS`.
"""

import math
import re
from dataclasses import dataclass
from typing import Literal, cast

from robustkd.errors import BadInputError

Bound = Literal["", "low", "high"]
Operator = Literal["<=", ">=", "<", ">", "=="]

OPERATORS: tuple[Operator, ...] = ("<=", ">=", "<", ">", "==")

FORM = "[STUDENT:]METRIC[.low|.high][@CONDITION] OPERATOR NUMBER[%], as in 'accuracy_drop <= 1%'"

_WHOLE = re.compile(r"(?P<measure>.+?)\s*(?P<operator><=|>=|==|<|>)\s*(?P<number>[^<>=%\s]+)\s*(?P<percent>%?)")
_MEASURE = re.compile(r"(?:(?P<student>[^@]+?)\s*:\s*)?(?P<name>\w+(?:\.\w+){0,2})\s*(?:@\s*(?P<condition>.+))?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Requirement:
    """A requirement on one number.

    Attributes:
        name: The metric as it was written: ``evaluation.metric``, a metric, or a drop.
        operator: How the number must compare with the limit.
        limit: The limit, in the unit of stored results: shares from 0 to 1, not in percent.
        bound: ``low`` or ``high`` for an end of the 95% interval; empty for the value itself.
        student: The name of the method; empty for every student.
        condition: The condition of the training set; empty for every condition.
        percent: Whether the limit was written in percent.
        place: Where it was written, for messages.
    """

    name: str
    operator: Operator
    limit: float
    bound: Bound = ""
    student: str = ""
    condition: str = ""
    percent: bool = False
    place: str = ""

    def __str__(self) -> str:
        """The requirement in the form in which it is written."""
        # 15 digits, because 29 / 100 · 100 has more in binary
        limit = f"{100 * self.limit:.15g}%" if self.percent else f"{self.limit!r}"
        student = f"{self.student}:" if self.student else ""
        condition = f"@{self.condition}" if self.condition else ""
        return f"{student}{self.measure}{condition} {self.operator} {limit}"

    @property
    def measure(self) -> str:
        """The number that is required: the metric, or an end of its interval."""
        return f"{self.name}.{self.bound}" if self.bound else self.name


def parsed_requirement(text: str, place: str = "") -> Requirement:
    """Read a requirement.

    Args:
        text: The requirement.
        place: Where it stands, for messages, such as ``requirements.yaml:3``; by default the option ``--require``.

    Raises:
        BadInputError: It is not of the form of a requirement.
    """
    where = place or f"--require {text!r}"
    whole = _WHOLE.fullmatch(text.strip())
    if whole is None:
        raise BadInputError(f"{where}: must be {FORM}")
    limit, percent = parsed_limit(whole["number"] + whole["percent"], where)
    student, name, bound, condition = parsed_measure(whole["measure"], where)
    return Requirement(name, cast(Operator, whole["operator"]), limit, bound, student, condition, percent, where)


def parsed_measure(text: str, where: str) -> tuple[str, str, Bound, str]:
    """Read ``[STUDENT:]METRIC[.low|.high][@CONDITION]``.

    Args:
        text: The text.
        where: Where it stands, for messages.

    Returns:
        Student, metric, bound and condition; each but the metric may be empty.

    Raises:
        BadInputError: It is not of this form.
    """
    found = _MEASURE.fullmatch(text.strip())
    if found is None:
        raise BadInputError(f"{where}: {text.strip()!r} is not [STUDENT:]METRIC[.low|.high][@CONDITION]")
    name, _, last = found["name"].rpartition(".")
    bound = cast(Bound, last) if name and last in ("low", "high") else ""
    name = name if bound else found["name"]
    if name.count(".") > 1:
        raise BadInputError(f"{where}: {name!r} must be METRIC or EVALUATION.METRIC; only .low or .high may follow")
    return (found["student"] or "").strip(), name, bound, (found["condition"] or "").strip()


def parsed_limit(text: str, where: str) -> tuple[float, bool]:
    """Read a number, or a number in percent, as in ``1%`` for 0.01.

    Args:
        text: The text.
        where: Where it stands, for messages.

    Returns:
        The number, and whether it was in percent.

    Raises:
        BadInputError: It is not a finite number.
    """
    number = text.strip()
    percent = number.endswith("%")
    number = number.removesuffix("%").strip()
    if _NUMBER.fullmatch(number) is None or not math.isfinite(float(number)):
        raise BadInputError(f"{where}: {text.strip()!r} is not a number; write 0.01 or 1%")
    return (float(number) / 100 if percent else float(number)), percent
