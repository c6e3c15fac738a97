"""The claims of Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021, arXiv 2106.05945)."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from robustkd.reporting.claims.claim import Answer, NotAskedError, Verdict, judges
from robustkd.reporting.claims.estimate import Estimate, corrected, fewest, mean_of, minus
from robustkd.reporting.claims.evidence import Chosen, clean, distilled, needed, number_of, numbers, per_part, students
from robustkd.reporting.claims.part import Part
from robustkd.reporting.claims.student import Student
from robustkd.reporting.claims.verdicts import (
    above,
    answer,
    averaged,
    below,
    each_of,
    every,
    listed,
    minus_sign,
    percent,
    points,
)
from robustkd.results.marks import SEEDS_TO_RANK

MATCHED = 0.95
"""An agreement from which on a student is said to match its teacher."""


@judges("F1")
def agreement_stays_below(parts: Sequence[Part]) -> Answer:
    """Holds if the agreement of every distilled student with its teacher lies below 95% on test images.

    It is judged for these students, so one seed is enough; self-distilled students are preferred. It does not hold if
    one student's interval, corrected for their number, lies above 95%.
    """
    chosen = distilled(clean(parts), "hinton")
    same = [(part, student) for part, student in chosen if part.teacher_architecture == student.architecture]
    found = [replace(each, seeds=None) for each in numbers(same or chosen, "fidelity", "agreement")]
    most = max(found, key=lambda each: each.value)
    others = "" if len(found) == 1 else f", the most of {len(found)} students"
    self_distilled = "" if same else "; no student has the architecture of its teacher"
    evidence = f"Agreement of {most.of} with its teacher on test images: {percent(most)}{others}{self_distilled}."
    return answer(each_of(found, below(MATCHED)), evidence, found)


@judges("F2")
def accuracy_explains_agreement(parts: Sequence[Part]) -> Answer:
    """Holds if students agree less than 2 points more with their teacher than students of another teacher do.

    Where there is no such control, the independent baseline takes its place. It does not hold if the mean excess lies
    above 2 points.
    """
    chosen = distilled(clean(parts), "hinton")
    try:
        found, control = numbers(chosen, "fidelity", "agreement_over_control"), "students of another teacher"
    except NotAskedError:
        found, control = numbers(chosen, "fidelity", "agreement_excess"), "the independent baseline"
    mean = mean_of(found)
    evidence = (
        f"Agreement of the students with their teacher beyond that of {control}: {averaged(found, mean)}; nearly as "
        "good would be within 2 points."
    )
    return answer(below(0.02)(mean), evidence, found)


@judges("F3")
def larger_ensembles_are_easier(parts: Sequence[Part]) -> Answer:
    """Holds if agreement rises and the KL divergence falls with every step in the number m of teachers, by intervals.

    Each step averages over the Hinton students that both sides have.
    """
    sizes: dict[int, dict[str, Chosen]] = {}
    for part, student in students(clean(parts), "hinton"):
        members = _members(part)
        if members:
            sizes.setdefault(members, {})[f"{student.architecture} {student.name}"] = (part, student)
    if len(sizes) < 2:
        needed([], "students of teacher ensembles of two sizes or more")
    agreement = [_step(sizes[a], sizes[b], "agreement", f"m = {a} to {b}") for a, b in pairwise(sorted(sizes))]
    kl = [_step(sizes[a], sizes[b], "kl", f"m = {a} to {b}") for a, b in pairwise(sorted(sizes))]
    verdict = every([*((each, above()) for each in agreement), *((each, below()) for each in kl)])
    shown = minus_sign(", ".join(f"{each.of} {each.value:+.3f} [{each.low:+.3f}, {each.high:+.3f}]" for each in kl))
    evidence = f"Change in agreement, in points: {listed(agreement)}; in the KL divergence, in nats: {shown}."
    return answer(verdict, evidence, [*agreement, *kl])


def _step(smaller: dict[str, Chosen], larger: dict[str, Chosen], metric: str, of: str) -> Estimate:
    shared = needed([name for name in smaller if name in larger], "the same students of ensembles of two sizes")
    before, after = ([number_of(own[name], "fidelity", metric) for name in shared] for own in (smaller, larger))
    return replace(mean_of([minus(b, a) for a, b in zip(before, after, strict=True)]), of=of)


def _members(part: Part) -> int:
    """The number of networks in the teacher; 0 where it is not known."""
    architecture = part.teacher_architecture
    match = re.match(r"ensemble of (\d+) ", architecture)
    return int(match[1]) if match else 1 if architecture else 0


@judges("F4")
def faithful_students_are_calibrated(parts: Sequence[Part]) -> Answer:
    """Holds if the student that agrees most with its ensemble has a significantly lower ECE than every other.

    It does not hold if another student has a significantly lower ECE and significantly lower agreement. Intervals that
    overlap leave it undecided, because the two ranks could then agree by chance.
    """
    found = max(per_part(clean(parts), _fidelity_and_calibration), key=len)
    top, top_ece = max(found, key=lambda pair: pair[0].value)
    others = [pair for pair in found if pair[0] is not top]
    gaps = [(minus(top, agreement), minus(top_ece, ece)) for agreement, ece in others]
    few = (fewest([top, *(agreement for agreement, _ in others)]) or 0) < SEEDS_TO_RANK
    calibrated = all(ece.high < 0 for _, ece in gaps)
    beaten = any(corrected(a, len(gaps)).low > 0 and corrected(e, len(gaps)).low > 0 for a, e in gaps)
    verdict: Verdict = "undecided" if few else "holds" if calibrated else "does not hold" if beaten else "undecided"
    lowest = min(found, key=lambda pair: pair[1].value)[1]
    best = "also has the lowest ECE" if lowest is top_ece else f"has a higher ECE than {lowest.of} ({percent(lowest)})"
    evidence = (
        f"Of {len(found)} students, {top.of} agrees most with the ensemble ({percent(top)}) and {best}: "
        f"{percent(top_ece)}."
    )
    return answer(verdict, evidence, [each for pair in found for each in pair])


def _fidelity_and_calibration(part: Part) -> list[tuple[Estimate, Estimate]]:
    """Agreement and ECE of each student of an ensemble."""
    if _members(part) < 2:
        raise NotAskedError("an ensemble of teachers")
    names = [student.name for student in part.students if student.distilled]
    both = [(part.number("fidelity", "agreement", name), part.number("calibration", "ece", name)) for name in names]
    found = [(agreement, ece) for agreement, ece in both if agreement is not None and ece is not None]
    if len(found) < _STUDENTS:
        raise NotAskedError("the evaluations fidelity and calibration of three students or more of one ensemble")
    return found


_STUDENTS = 3


@judges("F5")
def harder_data_trade_train_for_test(parts: Sequence[Part]) -> Answer:
    """Holds if other distillation data lower the agreement on training images and raise it on test images.

    Each policy is compared with the same method on the usual images; both means over the policies must be so by their
    intervals.
    """

    def look_up(part: Part) -> list[tuple[Estimate, Estimate]]:
        policies = _with_training(part, "distillation_data")
        return [
            (_against_usual(part, student, "agreement_train"), _against_usual(part, student, "agreement"))
            for student in needed(policies, "students with other distillation data (training: distillation_data)")
        ]

    found = [pair for pairs in per_part(clean(parts), look_up) for pair in pairs]
    train, test = (mean_of([pair[place] for pair in found]) for place in (0, 1))
    evidence = (
        f"Agreement with the teacher by other distillation data against the usual, mean of {len(found)} policies: "
        f"{points(train)} on training images; {points(test)} on test images ({listed([pair[1] for pair in found])})."
    )
    return answer(every([(train, below()), (test, above())]), evidence, [train, test])


@judges("F6")
def near_initialisation_matches(parts: Sequence[Part]) -> Answer:
    """Holds if students that start near the teacher (λ ≥ 0.375) agree on over 95%, and shared weights add nothing.

    Shared initial weights add nothing if the difference to other initial weights lies below 2 points.
    """
    near, shared = [], []
    for part in clean(parts):
        for student in _with_training(part, "init"):
            init = student.training["init"]
            if isinstance(init, dict) and (init.get("near_teacher") or 0) >= _NEAR:
                near += numbers([(part, student)], "fidelity", "agreement")
            elif init == "shared" or (isinstance(init, dict) and init.get("shared")):
                shared.append(_against_usual(part, student, "agreement"))
    needed(near, "a student that starts near its teacher (training: init: near_teacher: 0.375 or more)")
    needed(shared, "a student that shares the teacher's initial weights (training: init: shared)")
    verdict = every([*((each, above(MATCHED)) for each in near), *((each, below(0.02)) for each in shared)])
    told = ", ".join(f"{each.of} {percent(each)}" for each in near)
    evidence = (
        f"Agreement of students that start near the teacher: {told}; gain by sharing its initial weights: "
        f"{points(mean_of(shared))}."
    )
    return answer(verdict, evidence, [*near, *shared])


_NEAR = 0.375


@judges("F7")
def high_temperatures_help(parts: Sequence[Part]) -> Answer:
    """Holds if Hinton students at T = 4 have higher agreement and accuracy than at T = 1, by the means' intervals.

    Students of one part are compared, with the same options otherwise.
    """
    pairs = [pair for found in per_part(clean(parts), _temperatures) for pair in found]
    agreement, accuracy = (
        mean_of(
            [
                minus(*(number_of((part, each), evaluation, metric) for each in (warm, cold)))
                for part, warm, cold in pairs
            ]
        )
        for evaluation, metric in (("fidelity", "agreement"), ("generalization", "accuracy"))
    )
    evidence = (
        f"T = 4 against T = 1, mean of {len(pairs)} comparison{'s' if len(pairs) > 1 else ''}: agreement with the "
        f"teacher {points(agreement)}; accuracy {points(accuracy)}."
    )
    return answer(every([(agreement, above()), (accuracy, above())]), evidence, [agreement, accuracy])


def _temperatures(part: Part) -> list[tuple[Part, Student, Student]]:
    """The pairs of Hinton students that differ in their temperature alone, T = 4 first."""
    own = [student for _, student in students([part], "hinton")]
    found = [
        (part, warm, cold)
        for warm in own
        for cold in own
        if warm.options.get("temperature") == 4
        and cold.options.get("temperature") == 1
        and _other_options(warm) == _other_options(cold)
    ]
    return needed(found, "students of hinton that differ only in their temperature, 4 and 1")


def _other_options(student: Student) -> dict[str, object]:
    return {key: value for key, value in student.options.items() if key != "temperature"}


def _with_training(part: Part, key: str) -> list[Student]:
    """The students whose training differs from the usual in one thing."""
    return [student for student in part.students if set(student.training) == {key}]


def _against_usual(part: Part, student: Student, metric: str) -> Estimate:
    """The difference in fidelity to the student of the same method, options and part with the usual training."""
    usual = [
        other
        for other in part.students
        if other.plain and (other.method, other.options) == (student.method, student.options)
    ]
    usual = needed(usual, f"a student of {student.method} with the usual training, to compare {student.name} with")
    own, other = (number_of((part, each), "fidelity", metric) for each in (student, usual[0]))
    return minus(own, other)
