"""The claims of Sarfraz, Arani, Zonooz, *Knowledge Distillation Beyond Model Compression* (arXiv 2007.01922)."""

from collections.abc import Sequence

from robustkd.reporting.claims.claim import Answer, NotAskedError, Verdict, judges
from robustkd.reporting.claims.estimate import Estimate, mean_of, minus
from robustkd.reporting.claims.evidence import (
    GAMMAS,
    RELATIONAL,
    RKD,
    Chosen,
    clean,
    gains,
    gains_of,
    imbalanced,
    needed,
    noisy,
    per_part,
    renamed,
    students,
)
from robustkd.reporting.claims.part import Part
from robustkd.reporting.claims.verdicts import (
    above,
    answer,
    averaged,
    below,
    each_of,
    every,
    listed,
    plain_points,
    points,
    within,
)

SOFT_TARGETS = ("hinton", "fitnet", "fsp", "dml")
STATIC = (*SOFT_TARGETS, "bss", "at", *RELATIONAL)


@judges("G1")
def hinton_improves(parts: Sequence[Part]) -> Answer:
    """Holds if Hinton students are, on average over parts, more accurate than the baseline, by a 95% interval.

    The paper's rule is a one-sided interval; this one is two-sided, so that both verdicts are equally strict.
    """
    found = gains(students(clean(parts), "hinton"))
    mean = mean_of(found)
    evidence = f"Accuracy of Hinton students against the independent baseline: {averaged(found, mean)}."
    return answer(above()(mean), evidence, found)


@judges("G2")
def relational_methods_hurt_small_students(parts: Sequence[Part]) -> Answer:
    """Holds if AT and the relational methods are, on average, below the baseline for the smallest student.

    Size is the number of parameters; students are compared on one data set, and there must be two sizes of them.
    """
    chosen = students(clean(parts), "at", *RELATIONAL)
    by_data: dict[str, list[int]] = {}
    for part, student in chosen:
        by_data.setdefault(part.data, []).append(student.parameters)
    compared = {data: min(sizes) for data, sizes in by_data.items() if len(set(sizes)) > 1}
    smallest = [each for each in chosen if each[1].parameters == compared.get(each[0].data)]
    found = gains(
        needed(smallest, "students of two sizes or more by at or a relational method (sp, rkd_d, rkd_a, rkd_da)")
    )
    mean = mean_of(found)
    evidence = f"Accuracy of the smallest students against the independent baseline: {averaged(found, mean)}."
    return answer(below()(mean), evidence, found)


@judges("G3")
def self_distillation_helps(parts: Sequence[Part]) -> Answer:
    """Holds if Hinton students with the teacher's architecture are, on average, more accurate than the baseline."""
    chosen = [each for each in students(clean(parts), "hinton") if each[0].teacher_architecture == each[1].architecture]
    found = gains(needed(chosen, "a student of hinton with the architecture of its teacher (self-distillation)"))
    mean = mean_of(found)
    evidence = f"Accuracy of self-distilled students against the independent baseline: {averaged(found, mean)}."
    return answer(above()(mean), evidence, found)


@judges("N1")
def hinton_withstands_noise(parts: Sequence[Part]) -> Answer:
    """Holds if Hinton students gain at least 5.9 points, half of the published gain, at a noise rate near 0.4.

    Rates from 0.3 to 0.5 count; the sentence says which was measured.
    """
    measured = [part for _, part in noisy(parts, 0.4)]
    found = gains(students(measured, "hinton"))
    mean = mean_of(found)
    evidence = (
        f"Accuracy of Hinton students against the baseline on clean test images after training with "
        f"{_conditions(measured)}: {averaged(found, mean)}; half of the published gain is +5.9 points."
    )
    return answer(above(0.059)(mean), evidence, found)


@judges("N2")
def hinton_beats_noisy_teacher(parts: Sequence[Part]) -> Answer:
    """Holds if Hinton students are more accurate than their teacher at every noise rate that was measured.

    The teacher is one fixed network; the interval covers the students' seeds and the test images.
    """
    measured = noisy(parts)
    found = per_part([part for _, part in measured], _hinton_over_teacher)
    evidence = f"Hinton students less their own noisy teacher on clean test images, in points: {listed(found)}."
    return answer(each_of(found, above()), evidence, found)


def _hinton_over_teacher(part: Part) -> Estimate:
    _, student = students([part], "hinton")[0]
    own, teacher = (part.number("generalization", "accuracy", student.name), part.teacher("generalization", "accuracy"))
    if own is None or teacher is None:
        raise NotAskedError("the accuracy of the teacher" if own else "the evaluation generalization")
    return renamed(minus(own, teacher), part.condition)


@judges("N3")
def soft_targets_are_equivalent(parts: Sequence[Part]) -> Answer:
    """Holds if the gains of Hinton, FitNet, FSP and DML differ by less than 2.5 points at every rate measured.

    Every pair must lie within ±2.5 points by its interval. It does not hold if one pair lies outside.
    """
    by_part = per_part([part for _, part in noisy(parts)], lambda part: (part, gains_of(part, *SOFT_TARGETS)))
    pairs = [minus(a, b) for _, found in by_part for place, a in enumerate(found) for b in found[:place]]
    spreads = [max(e.value for e in found) - min(e.value for e in found) for _, found in by_part]
    shown = "; ".join(
        f"{part.condition}: {listed(found)}, range {plain_points(spread, signed=False)} points"
        for (part, found), spread in zip(by_part, spreads, strict=True)
    )
    evidence = f"Gains over the baseline, in points, whose range should be below 2.5: {shown}."
    return answer(each_of(pairs, within(0.025)), evidence, pairs)


@judges("N4")
def attention_gives_no_robustness(parts: Sequence[Part]) -> Answer:
    """Holds if the gains of AT and RKD lie within ±2 points, and SP gains more than RKD, at every rate measured."""

    def look_up(part: Part) -> tuple[list[Estimate], Estimate, Estimate]:
        at, sp = gains_of(part, "at", "sp")
        rkd = gains(students([part], *RKD))
        return [at, *rkd], sp, minus(sp, mean_of(rkd))

    by_part = per_part([part for _, part in noisy(parts)], look_up)
    small = [each for found, _, _ in by_part for each in found]
    over = [each for _, _, each in by_part]
    verdict = every([*((each, within(0.02)) for each in small), *((each, above()) for each in over)])
    evidence = (
        f"Gains over the baseline, in points, which should be within ±2: {listed(small)}; SP: "
        f"{listed([sp for _, sp, _ in by_part])}; SP less the mean of RKD: {', '.join(map(points, over))}."
    )
    return answer(verdict, evidence, [*small, *over])


@judges("N5")
def one_collapses(parts: Sequence[Part]) -> Answer:
    """Holds if ONE is above the baseline near σ = 0.4 and below it near σ = 0.6."""
    helped, hurt = (mean_of(gains(students([part for _, part in noisy(parts, rate)], "one"))) for rate in (0.4, 0.6))
    evidence = (
        f"ONE against the baseline: {points(helped)} near σ = 0.4, and {points(hurt)} near σ = 0.6 "
        "(published +4.2 and −7.4 points)."
    )
    return answer(every([(helped, above()), (hurt, below())]), evidence, [helped, hurt])


@judges("I1")
def angles_help_imbalance(parts: Sequence[Part]) -> Answer:
    """Holds if RKD-A or RKD-DA gains at least 0.5 points at every γ measured, and no other method gains more.

    Another method gains more if its difference to the better of the two lies above 0, corrected for their number; if
    one does, the claim does not hold.
    """

    def look_up(part: Part) -> tuple[Estimate, list[Estimate]]:
        best = max(gains(students([part], "rkd_a", "rkd_da")), key=lambda each: each.value)
        others = [each for each in students([part], *STATIC) if each[1].method not in ("rkd_a", "rkd_da")]
        return best, gains(needed(others, "a student of another method, to compare rkd_a and rkd_da with"))

    by_part = per_part([part for _, part in imbalanced(parts)], look_up)
    best = [found for found, _ in by_part]
    margins = [minus(other, found) for found, others in by_part for other in others]
    ahead = [each for each in margins if each.value > 0]
    rivals = [(each, _not_above) for each in margins]
    verdict = every([*((each, above(0.005)) for each in best), *rivals])
    evidence = (
        f"The better of RKD-A and RKD-DA against the baseline, in points, {_gammas(parts)}: {listed(best)}; "
        f"{len(ahead)} of {len(margins)} gains of other methods are larger."
    )
    return answer(verdict, evidence, best)


@judges("I2")
def all_but_one_and_bss_improve(parts: Sequence[Part]) -> Answer:
    """Holds if every method lies above the baseline at every γ by its interval; ONE and BSS at γ = 2 are left out.

    It does not hold if one cell lies below it, corrected for the number of cells.
    """
    found = []
    for gamma, part in imbalanced(parts):
        names = [name for name in STATIC if name != "bss" or gamma < GAMMAS[-1]]
        found += [each for student in _some(part, names) for each in gains([student])]
    cells = needed(found, "students of the paper's methods and an independent baseline")
    worst = min(cells, key=lambda each: each.value)
    evidence = (
        f"{sum(each.value > 0 for each in cells)} of {len(cells)} cells (method and γ) lie above the baseline, "
        f"{sum(each.low > 0 for each in cells)} of them with their interval; the lowest is {worst.of} with "
        f"{points(worst)}."
    )
    return answer(each_of(cells, above()), evidence, cells)


def _not_above(margin: Estimate) -> Verdict:
    return "does not hold" if margin.low > 0 else "holds"


def _some(part: Part, methods: Sequence[str]) -> list[Chosen]:
    return [(part, student) for student in part.students if student.method in methods and student.plain]


def _conditions(parts: Sequence[Part]) -> str:
    return " and ".join(dict.fromkeys(part.condition for part in parts))


def _gammas(parts: Sequence[Part]) -> str:
    return _conditions([part for _, part in imbalanced(parts)])
