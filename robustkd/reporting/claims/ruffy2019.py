"""The claims of Ruffy, Chahal, *The State of Knowledge Distillation for Classification* (arXiv 1912.10850)."""

from collections.abc import Sequence

import numpy as np

from robustkd.reporting.claims.claim import Answer, Verdict, judges
from robustkd.reporting.claims.estimate import Estimate, corrected, fewest, minus
from robustkd.reporting.claims.evidence import clean, gains_of, needed, numbers, per_part, renamed, students
from robustkd.reporting.claims.part import Part
from robustkd.reporting.claims.verdicts import above, answer, below, every, listed, minus_sign, points
from robustkd.results.marks import SEEDS_TO_RANK


@judges("G4")
def feature_distillation_falls_below(parts: Sequence[Part]) -> Answer:
    """Holds if SFD and OH (overhaul) lie below the baseline, Hinton above it, and UDA above Hinton, by intervals."""

    def look_up(part: Part) -> tuple[Estimate, ...]:
        return tuple(gains_of(part, "sfd", "overhaul", "hinton", "uda"))

    found = per_part(clean(parts), look_up)
    tests = []
    for sfd, overhaul, hinton, uda in found:
        tests += [(sfd, below()), (overhaul, below()), (hinton, above()), (minus(uda, hinton), above())]
    over = ", ".join(points(minus(uda, hinton)) for _, _, hinton, uda in found)
    shown = listed([each for four in found for each in four])
    evidence = f"Accuracy against the independent baseline, in points: {shown}; UDA less Hinton: {over}."
    return answer(every(tests), evidence, [each for each, _ in tests])


@judges("G5")
def better_teachers_are_not_better(parts: Sequence[Part]) -> Answer:
    """Holds if the most accurate teacher's student is significantly worse than that of a less accurate teacher.

    The published rule, a rank correlation that is not significantly positive, would pass any small study. So the claim
    needs such a counterexample, corrected for the number of teachers. It does not hold if Spearman's correlation of
    the teachers' and their students' accuracies is significantly positive (one-sided exact permutation test, 5%).
    """
    most: list[tuple[Estimate, Estimate]] = []
    for own in _by_student(parts).values():
        most = max(most, own, key=len)
    if len(most) < _TEACHERS:
        needed([], f"{_TEACHERS} teachers or more of one student by hinton (here {len(most)})")
    teachers, taught = (np.array([pair[place].value for pair in most]) for place in (0, 1))
    rho, p_value = _rank_correlation(teachers, taught)
    of_best = most[int(teachers.argmax())][1]
    rivals = [pair[1] for pair in most if pair[1] is not of_best]
    gaps = [minus(of_best, rival) for rival in rivals]
    widest = min(gaps, key=lambda gap: gap.value)
    worse = any(corrected(gap, len(gaps)).high < 0 for gap in gaps)
    few = (fewest(gaps) or 0) < SEEDS_TO_RANK
    better = p_value < _LEVEL
    verdict: Verdict = "undecided" if few or worse == better else "holds" if worse else "does not hold"
    evidence = (
        f"Over {len(most)} teachers, the rank correlation of the teacher's and the student's accuracy is "
        f"{minus_sign(f'{rho:+.2f}')} (p = {p_value:.2f}, one-sided); the most accurate teacher's student less the "
        f"best other student: {points(widest)}."
    )
    return answer(verdict, evidence, gaps)


_TEACHERS = 4
_LEVEL = 0.05


def _by_student(parts: Sequence[Part]) -> dict[tuple[str, str, str], list[tuple[Estimate, Estimate]]]:
    """By data set, student's architecture and name: the accuracy of each teacher, and of its student."""
    found: dict[tuple[str, str, str], list[tuple[Estimate, Estimate]]] = {}
    for part, student in students(clean(parts), "hinton"):
        teacher = part.teacher("generalization", "accuracy")
        own = numbers([(part, student)], "generalization", "accuracy")[0]
        if teacher is not None:
            key = (part.data, student.architecture, student.name)
            found.setdefault(key, []).append((teacher, renamed(own, part.group)))
    return found


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    from scipy.stats import permutation_test, rankdata

    ranks = rankdata(second)

    def rho(order: np.ndarray) -> float:
        return float(np.corrcoef(order, ranks)[0, 1])

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0, 1.0
    test = permutation_test((rankdata(first),), rho, permutation_type="pairings", alternative="greater", rng=0)
    return float(test.statistic), float(test.pvalue)
