"""Claims of other papers."""

from collections.abc import Sequence

from robustkd.reporting.claims.claim import Answer, Verdict, judges
from robustkd.reporting.claims.estimate import Estimate, fewest, mean_of
from robustkd.reporting.claims.evidence import clean, distilled, gains, needed, numbers
from robustkd.reporting.claims.part import Part
from robustkd.reporting.claims.verdicts import answer, points
from robustkd.results.marks import SEEDS_TO_RANK

MANY = 0.2
"""Half of the published share of classes that change."""

_STILL = 0.05
_NEEDS = "the evaluation knowledge, with three seeds or more of a student and of the independent baseline"


@judges("P8")
def classes_change(parts: Sequence[Part]) -> Answer:
    """Holds if the accuracy on at least a fifth of the classes changes significantly for some student.

    A fifth is half of the published 41%. Each class is tested over seeds and images, corrected for the number of
    classes. It does not hold if, for every student, the intervals of over four fifths of the classes lie within ±5
    points. Mohammadshahi, Ioannou, *What is Left After Distillation?* (arXiv 2410.08407).
    """
    chosen = distilled(clean(parts))
    shares = numbers(chosen, "knowledge", "changed_classes", _NEEDS)
    classes = [part.parts_of("knowledge", "class_accuracy_gain", student.name) for part, student in chosen]
    known = needed([each for each in classes if each], _NEEDS)
    still = all(sum(map(_within, each.values())) > (1 - MANY) * len(each) for each in known)
    most = max(shares, key=lambda each: each.value)
    few = (fewest(shares) or 0) < SEEDS_TO_RANK
    verdict: Verdict = (
        "undecided" if few else "holds" if most.value >= MANY else "does not hold" if still else "undecided"
    )
    others = "" if len(shares) == 1 else f", the most of {len(shares)} students"
    evidence = (
        f"Share of classes whose accuracy changes significantly: {100 * most.value:.0f}% for {most.of}{others}; mean "
        f"accuracy of the students against the independent baseline: {points(mean_of(gains(chosen)))}."
    )
    return answer(verdict, evidence, shares)


def _within(change: Estimate) -> bool:
    return change.low > -_STILL and change.high < _STILL
