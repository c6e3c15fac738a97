"""The claims of Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023).

arXiv 2205.16004. The paper distils with KL (hinton), Hint and CRD; students of other methods are judged where a run has
none of these.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from robustkd.reporting.claims.claim import Answer, NotAskedError, Verdict, judges
from robustkd.reporting.claims.estimate import Estimate, corrected, fewest, mean_of, minus, shifted
from robustkd.reporting.claims.evidence import (
    Chosen,
    clean,
    distilled,
    excess_of_teacher,
    needed,
    number_of,
    numbers,
    per_part,
    students,
)
from robustkd.reporting.claims.part import Part
from robustkd.reporting.claims.student import training_data
from robustkd.reporting.claims.verdicts import (
    above,
    answer,
    averaged,
    below,
    each_of,
    every,
    listed,
    percent,
    points,
    within,
)
from robustkd.results.marks import SEEDS_TO_RANK

METHODS = ("hinton", "hint", "crd")

_ATTACK = "adversarial_inheritance"


@judges("T4")
def students_are_fooled_with_their_teacher(parts: Sequence[Part]) -> Answer:
    """Holds if images that fool the teacher fool distilled students more than the baseline, on average, by an interval.

    The sentence has the count of Sarfraz et al. beside it, which can have the opposite sign.
    """
    chosen = distilled(clean(parts), *METHODS)
    found = numbers(chosen, _ATTACK, "fooling_rate_excess")
    mean = mean_of(found)
    other = mean_of(numbers(chosen, _ATTACK, "transfer_success_excess"))
    evidence = (
        f"Fooling rate by attacks on the teacher, beyond that of the independent baseline: {averaged(found, mean)}; "
        f"counted as by Sarfraz et al.: {points(other)}."
    )
    return answer(above()(mean), evidence, found)


@judges("T5")
def fooling_is_specific(parts: Sequence[Part]) -> Answer:
    """Holds if the excess by attacks on a foreign network lies below a third of the excess by attacks on the teacher.

    The excess by the teacher must itself lie above 0, else there is no effect to be specific.
    """
    chosen = distilled(clean(parts), *METHODS)
    own = mean_of(numbers(chosen, _ATTACK, "fooling_rate_excess"))
    needs = (
        "an attack on a foreign network (a third network, such as a second baseline or a student of another teacher)"
    )
    foreign = mean_of(numbers(chosen, _ATTACK, "foreign_fooling_rate_excess", needs))
    if own.low <= 0:
        raise NotAskedError(f"an excess by attacks on the teacher (T4) to compare with (here {points(own)})")
    less = minus(foreign, own.times(1 / 3))
    evidence = (
        f"Fooling rate beyond the baseline's: {points(foreign)} by attacks on a foreign network, {points(own)} by "
        f"attacks on the teacher; the first less a third of the second: {points(less)}."
    )
    return answer(below()(less), evidence, [less])


@judges("T6")
def transformers_pass_on_no_weakness(parts: Sequence[Part]) -> Answer:
    """Holds if convolutional students of a transformer are fooled as often as the baseline, within ±2 points."""
    chosen = [
        (part, student)
        for part, student in distilled(clean(parts), *METHODS)
        if _TRANSFORMER.search(part.teacher_architecture) and not _TRANSFORMER.search(student.architecture)
    ]
    found = numbers(needed(chosen, "a convolutional student of a transformer teacher"), _ATTACK, "fooling_rate_excess")
    evidence = f"Fooling rate by attacks on the transformer, beyond that of the baseline, in points: {listed(found)}."
    return answer(each_of(found, within(0.02)), evidence, found)


_TRANSFORMER = re.compile(r"(^|[^a-z])(vit|deit|swin|beit|eva|cait|xcit|pit|levit|tnt)|transformer", re.IGNORECASE)


@judges("P1")
def students_look_where_teachers_look(parts: Sequence[Part]) -> Answer:
    """Holds if the teacher's map is closer to the student's than to the baseline's on over half of the images.

    The share must also lie above that of one baseline against another, where a run has two: those differ from half
    by chance of the training.
    """
    chosen = distilled(clean(parts), *METHODS)
    needs = "the evaluation localisation, with an independent baseline"
    found = numbers(chosen, "localisation", "map_closer", needs)
    controls = [c for part, _ in chosen if (c := part.baseline("localisation", "map_closer")) is not None]
    mean = mean_of(found)
    tests = [(shifted(mean, -0.5), above())]
    control = "; no control of two baselines"
    if controls:
        chance = replace(mean_of(controls), seeds=None)
        tests.append((minus(mean, chance), above()))
        control = f"; of one baseline against another: {percent(chance)}"
    evidence = (
        "Share of images on which the teacher's map is closer to the student's than to the baseline's: "
        f"{percent(mean)}{control}."
    )
    return answer(every(tests), evidence, found)


@judges("P2")
def colour_invariance_is_inherited(parts: Sequence[Part]) -> Answer:
    """Holds if students of a colour-invariant teacher gain over 3 points more than those of another teacher.

    The gain is that in colour invariance over the independent baseline. The two teachers are the most and the least
    invariant one of the same student; their own difference must lie above 0.
    """
    metric = ("invariance", "colour_invariance")
    of_teachers = per_part(clean(parts), lambda part: (_of_teacher(part, *metric), part))
    more, less = (choose(of_teachers, key=lambda pair: pair[0].value) for choose in (max, min))
    apart = minus(more[0], less[0])
    if apart.low <= 0:
        raise NotAskedError("two teachers of the same student, one of them more invariant to colour than the other")
    pairs = _shared(distilled([more[1]], *METHODS), distilled([less[1]], *METHODS))
    found = [minus(*(number_of(each, "invariance", "colour_invariance_gain") for each in pair)) for pair in pairs]
    mean = mean_of(found)
    evidence = (
        f"Gain in colour invariance by the more invariant teacher, beyond that by the other: {averaged(found, mean)}; "
        f"the threshold is +3 points. The teachers differ by {points(apart)}."
    )
    return answer(above(0.03)(mean), evidence, found)


def _of_teacher(part: Part, evaluation: str, metric: str) -> Estimate:
    found = part.teacher(evaluation, metric)
    if found is None:
        raise NotAskedError(f"the evaluation {evaluation}")
    return found


def _shared(first: Sequence[Chosen], second: Sequence[Chosen]) -> list[tuple[Chosen, Chosen]]:
    """The students of one part with those of the same name and architecture in another."""
    named = {(student.name, student.architecture): (part, student) for part, student in second}
    found = [
        ((part, student), named[student.name, student.architecture])
        for part, student in first
        if (student.name, student.architecture) in named
    ]
    return needed(found, "the same student by two teachers")


@judges("P3")
def crop_invariance_is_inherited(parts: Sequence[Part]) -> Answer:
    """Holds if KL and CRD students are more invariant to crops than the baseline, and Hint students within ±2 points.

    The students must be trained without crops, and the teacher must be more invariant than the baseline. A method that
    a run lacks is left out, but not both KL and CRD.
    """

    def look_up(part: Part) -> list[tuple[Part, bool, Estimate]]:
        augmentation = training_data(part.run.provenance)
        if augmentation is None or augmentation.get("crop_padding"):
            raise NotAskedError("students that were trained without random crops, as the study states it")
        moved = numbers(students([part], "hinton", "crd"), "invariance", "crop_invariance_gain")
        excess_of_teacher(part, "invariance", "crop_invariance", "crop invariance")
        hints = [(part, student) for student in part.students if student.method == "hint" and student.plain]
        still = numbers(hints, "invariance", "crop_invariance_gain") if hints else []
        return [*((part, True, each) for each in moved), *((part, False, each) for each in still)]

    found = [each for several in per_part(clean(parts), look_up) for each in several]
    verdict = every([(each, above() if moved else within(0.02)) for _, moved, each in found])
    estimates = [each for *_, each in found]
    evidence = f"Crop invariance against the baseline, in points: {listed(estimates)}."
    return answer(verdict, evidence, estimates)


@judges("P4")
def consensus_rises_on_unseen_domains(parts: Sequence[Part]) -> Answer:
    """Holds if the consensus with the teacher beyond the baseline's is larger on unseen domains than on test images."""

    def look_up(chosen: Chosen) -> tuple[Estimate, Estimate]:
        part, student = chosen
        seen = part.number("domains", "consensus_excess", student.name, of_part="test images")
        unseen = numbers([chosen], "domains", "consensus_excess")[0]
        return unseen, needed([each for each in [seen] if each is not None], "the consensus on the test images")[0]

    found = [look_up(each) for each in distilled(clean(parts), *METHODS)]
    more = [minus(unseen, seen) for unseen, seen in found]
    unseen, seen = (mean_of([pair[place] for pair in found]) for place in (0, 1))
    evidence = (
        f"Consensus with the teacher beyond the baseline's: {points(unseen)} on unseen domains, {points(seen)} on test "
        f"images; the difference: {points(mean_of(more))}."
    )
    return answer(above()(mean_of(more)), evidence, more)


@judges("P5")
def shape_bias_is_inherited(parts: Sequence[Part]) -> Answer:
    """Holds if students of a teacher with more shape bias than the baseline gain over 2 points on the baseline."""

    def look_up(part: Part) -> list[Estimate]:
        found = numbers(distilled([part], *METHODS), "shape_bias", "shape_bias_gain")
        excess_of_teacher(part, "shape_bias", "shape_bias", "shape bias")
        return found

    found = [each for several in per_part(clean(parts), look_up) for each in several]
    mean = mean_of(found)
    evidence = (
        f"Shape bias of students against the independent baseline: {averaged(found, mean)}; the threshold is +2 points."
    )
    return answer(above(0.02)(mean), evidence, found)


@judges("P6")
def groups_gain_unequally(parts: Sequence[Part]) -> Answer:
    """Holds if some group's accuracy gain lies over 3 points below the mean gain of all groups.

    The group is the worst of several, so its interval is corrected for their number. It does not hold if every group's
    interval lies above that threshold.
    """

    def look_up(chosen: Chosen) -> list[Estimate]:
        part, student = chosen
        groups = part.parts_of("groups", "group_gain", student.name)
        many = needed(list(groups.items()), "the evaluation groups, with the group of each test image and a baseline")
        mean = mean_of([each for _, each in many])
        return [replace(minus(each, mean), of=f"{name}, {each.of}") for name, each in many]

    found = [each for several in map(look_up, distilled(clean(parts), *METHODS)) for each in several]
    worst = min(found, key=lambda each: each.value)
    few = (fewest(found) or 0) < SEEDS_TO_RANK
    behind = any(corrected(each, len(found)).high < _BEHIND for each in found)
    level = all(each.low > _BEHIND for each in found)
    verdict: Verdict = "undecided" if few else "holds" if behind else "does not hold" if level else "undecided"
    evidence = (
        f"Of {len(found)} groups, the accuracy gain of one is furthest below the mean gain of all: {worst.of}, with "
        f"{points(worst)}."
    )
    return answer(verdict, evidence, found)


_BEHIND = -0.03


@judges("P7")
def boundaries_move(parts: Sequence[Part]) -> Answer:
    """Holds if the IoU of decision regions with the teacher's is larger for students than for the baseline.

    The planes go through test images; the part of the claim that is about unseen domains is not asked.
    """
    found = numbers(distilled(clean(parts), *METHODS), "decision_boundary", "boundary_iou_excess")
    mean = mean_of(found)
    evidence = (
        "IoU of decision regions with the teacher's, beyond that of the independent baseline, on planes through test "
        f"images: {averaged(found, mean)}. Unseen domains are not measured."
    )
    return answer(above()(mean), evidence, found)
