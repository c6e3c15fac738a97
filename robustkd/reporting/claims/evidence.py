"""What judges look up: the students of a method, their numbers, and differences between them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from robustkd.reporting.claims.claim import NotAskedError
from robustkd.reporting.claims.estimate import Estimate, minus
from robustkd.reporting.claims.part import Part
from robustkd.reporting.claims.student import Student
from robustkd.results.marks import SEEDS_TO_RANK

T = TypeVar("T")

Chosen = tuple[Part, Student]

RKD = ("rkd_d", "rkd_a", "rkd_da")
RELATIONAL = ("sp", *RKD)


def clean(parts: Sequence[Part]) -> list[Part]:
    """Return the parts whose training sets were left as they are.

    Raises:
        NotAskedError: There is none.
    """
    found = [part for part in parts if part.condition in ("clean", "")]
    return needed(found, "networks trained on unchanged training data (condition clean)")


def needed(found: list[T], what: str) -> list[T]:
    """Return what was found.

    Raises:
        NotAskedError: Nothing was found.
    """
    if not found:
        raise NotAskedError(what)
    return found


def students(parts: Sequence[Part], *methods: str, plain: bool = True) -> list[Chosen]:
    """Find the students of some methods.

    Args:
        parts: The parts to look in.
        methods: The names of the methods.
        plain: Whether to leave out those with other initial weights, other images or a variant of the loss.

    Raises:
        NotAskedError: There is none.
    """
    of = (lambda student: student.plain) if plain else (lambda student: True)
    found = [(part, student) for part in parts for student in part.students if student.method in methods]
    return needed([each for each in found if of(each[1])], f"a student of {_any(methods)}")


def distilled(parts: Sequence[Part], *preferred: str) -> list[Chosen]:
    """Find the students that learned from a teacher: those of the preferred methods, else all.

    Raises:
        NotAskedError: There is none.
    """
    found = [(part, student) for part in parts for student in part.students if student.distilled and student.plain]
    return needed([each for each in found if each[1].method in preferred] or found, "a distilled student")


def numbers(chosen: Sequence[Chosen], evaluation: str, metric: str, needs: str = "") -> list[Estimate]:
    """Return the numbers of students, of those that have one.

    Students with fewer seeds than a verdict needs are left out where others have enough.

    Args:
        chosen: The students.
        evaluation: The name of the evaluation.
        metric: The name of the metric.
        needs: What is missing where none has it; by default the evaluation, or a baseline for a difference.

    Raises:
        NotAskedError: None has it.
    """
    found = [part.number(evaluation, metric, student.name) for part, student in chosen]
    known = needed([each for each in found if each is not None], needs or _lacking(chosen, evaluation))
    return [each for each in known if (each.seeds or 0) >= SEEDS_TO_RANK] or known


def number_of(chosen: Chosen, evaluation: str, metric: str) -> Estimate:
    """Return the number of a student.

    Raises:
        NotAskedError: It has none.
    """
    return numbers([chosen], evaluation, metric)[0]


def gains(chosen: Sequence[Chosen]) -> list[Estimate]:
    """Return the differences in test accuracy between students and the independent baseline."""
    return numbers(chosen, "generalization", "accuracy_gain")


def gains_of(part: Part, *methods: str) -> list[Estimate]:
    """Return the differences in test accuracy between a student of each method and the independent baseline.

    Raises:
        NotAskedError: A method has no student; the message names all such methods.
    """
    first = {student.method: (part, student) for student in reversed(part.students) if student.plain}
    lacking = [method for method in methods if method not in first]
    if lacking:
        raise NotAskedError(
            f"a student of each of {', '.join(lacking)}" if lacking[1:] else f"a student of {lacking[0]}"
        )
    return [number_of(first[method], "generalization", "accuracy_gain") for method in methods]


def per_part(parts: Sequence[Part], look_up: Callable[[Part], T]) -> list[T]:
    """Look something up in each part, and keep the parts that have it.

    Raises:
        NotAskedError: No part has it; the message is that of the part that comes closest, which is the last to say
            what it lacks.
    """
    found, lacks = [], "networks"
    for part in parts:
        try:
            found.append(look_up(part))
        except NotAskedError as error:
            lacks = str(error)
    return needed(found, lacks)


def renamed(estimate: Estimate, of: str) -> Estimate:
    """Say what an estimate is about."""
    return replace(estimate, of=of)


def excess_of_teacher(part: Part, evaluation: str, metric: str, what: str) -> Estimate:
    """Return how far the teacher is above the independent baseline in some property.

    Args:
        part: The part.
        evaluation: The name of the evaluation.
        metric: The name of the metric.
        what: The property in words, such as ``shape bias``.

    Returns:
        The difference; it is about the teacher as it is, and the baselines that were trained.

    Raises:
        NotAskedError: It was not measured, or the teacher is not significantly above the baseline, so that there is
            nothing to inherit.
    """
    teacher, baseline = part.teacher(evaluation, metric), part.baseline(evaluation, metric)
    if teacher is None or baseline is None:
        raise NotAskedError(_lacking([], evaluation) if teacher is None else "an independent baseline")
    found = minus(teacher, baseline)
    if found.low <= 0:
        shown = f"{100 * found.value:+.1f} points [{100 * found.low:+.1f}, {100 * found.high:+.1f}]".replace("-", "−")
        raise NotAskedError(f"a teacher with more {what} than the independent baseline (here {shown})")
    return found


NOISE = (0.2, 0.4, 0.6)
"""The noise rates σ of the paper."""

GAMMAS = (0.2, 0.6, 1.0, 2.0)
"""The exponents γ of the paper."""

_NOISE_LABEL = re.compile(r"label noise ([\d.]+)%( symmetric_exclusive)?( per seed| draw \d+)?(, .* held out)?")
_IMBALANCE_LABEL = re.compile(r"imbalance γ=([\d.]+).*")


def noisy(parts: Sequence[Part], *rates: float) -> list[tuple[float, Part]]:
    """Find the parts with symmetric label noise, each with the nearest rate of the paper.

    Args:
        parts: The parts to look in.
        rates: The rates of the paper that are of use; all by default.

    Raises:
        NotAskedError: There is none within 10 points of such a rate.
    """
    found = _nearest(parts, _NOISE_LABEL, 100.0, NOISE, 0.1, rates)
    wanted = _any([f"{rate:g}" for rate in rates or NOISE])
    return needed(found, f"networks trained with symmetric label noise at a rate near {wanted}")


def imbalanced(parts: Sequence[Part]) -> list[tuple[float, Part]]:
    """Find the parts with the paper's power law of class sizes, each with the nearest exponent γ of the paper.

    Raises:
        NotAskedError: There is none.
    """
    found = _nearest(parts, _IMBALANCE_LABEL, 1.0, GAMMAS, 0.25, ())
    return needed(found, "networks trained on class sizes that follow the power law (class_imbalance, γ from 0.2 to 2)")


def _nearest(
    parts: Sequence[Part],
    label: re.Pattern[str],
    unit: float,
    documented: Sequence[float],
    reach: float,
    wanted: Sequence[float],
) -> list[tuple[float, Part]]:
    found = []
    for part in parts:
        match = label.fullmatch(part.condition)
        if match is None:
            continue
        value = float(match[1]) / unit
        near = min(documented, key=lambda each: abs(each - value))
        if abs(near - value) <= reach + 1e-9 and (not wanted or near in wanted):
            found.append((near, part))
    return sorted(found, key=lambda each: each[0])


def _lacking(chosen: Sequence[Chosen], evaluation: str) -> str:
    measured = [(part, student) for part, student in chosen if evaluation in part.results]
    if not measured:
        return f"the evaluation {evaluation}"
    if not any(part.names(evaluation, "baseline") for part, _ in measured):
        return "an independent baseline"
    named = ", ".join(part.named(student.name) for part, student in measured)
    return f"numbers of {named} in {evaluation} that no failed validity check voids"


def _any(methods: Sequence[str]) -> str:
    return methods[0] if len(methods) == 1 else f"{', '.join(methods[:-1])} or {methods[-1]}"
