"""The claims of Sarfraz, Arani, Zonooz 2020 (arXiv 2007.01922) on transferred attacks: their Figure 1."""

from collections.abc import Sequence

from robustkd.reporting.claims.claim import Answer, Verdict, judges
from robustkd.reporting.claims.estimate import Estimate, corrected, fewest, mean_of, minus
from robustkd.reporting.claims.evidence import clean, needed, numbers, per_part, students
from robustkd.reporting.claims.part import Part
from robustkd.reporting.claims.sarfraz2020 import STATIC
from robustkd.reporting.claims.verdicts import above, answer, below, every, listed, points
from robustkd.results.marks import SEEDS_TO_RANK

MASKED = 0.02
"""A transferred attack that beats the white-box attack by more is a sign of masked gradients."""

_ALL_NETWORKS = (
    "at least three seeds of every method under attack: transferability attacks only the first seed of each, unless "
    "its option networks is all"
)


@judges("T1")
def attention_receives_most(parts: Sequence[Part]) -> Answer:
    """Holds if attacks on the teacher fool AT over 5 points more than the baseline, and more than any other student.

    Both by intervals. Transfer success is counted on the images that both classify correctly. The attack is the one
    that the run used; the sentence says which.
    """
    found = per_part(clean(parts), _received)
    margins = [minus(own, other) for own, others in found for other in others]
    verdict = every([*((own, above(0.05)) for own, _ in found), *((margin, above()) for margin in margins)])
    shown = "; ".join(listed([own, *others]) for own, others in found)
    evidence = f"Transfer success from the teacher less that on the baseline, in points{_attack(parts)}: {shown}."
    return _answered(verdict, evidence, [each for own, others in found for each in (own, *others)])


def _received(part: Part) -> tuple[Estimate, list[Estimate]]:
    """The excess of AT, and those of the other students of the paper."""
    metric = ("transferability", "teacher_transfer_excess")
    own = numbers(students([part], "at"), *metric)[0]
    others = [each for each in students([part], *STATIC) if each[1].method != "at"]
    return own, numbers(needed(others, "a student of another method, to compare at with"), *metric)


@judges("T2")
def soft_target_attacks_transfer_less(parts: Sequence[Part]) -> Answer:
    """Holds if attacks on students with a Hinton loss succeed elsewhere over 10 points less than those on the baseline.

    The success is the mean over the other targets, without the source itself; averaged over Hinton, FitNet, FSP, BSS.
    """
    found = mean_of(per_part(clean(parts), _sent_less))
    evidence = (
        "Mean success on other networks of attacks on students with a Hinton loss, less that of attacks on the "
        f"baseline{_attack(parts)}: {points(found)} (published −21 to −30)."
    )
    return _answered(below(-0.1)(found), evidence, [found])


def _sent_less(part: Part) -> Estimate:
    def sent(names: Sequence[str], what: str) -> Estimate:
        found = [part.networks("transferability", "mean_from_source_others", name) for name in names]
        return mean_of(needed([each for each in found if each is not None], what))

    chosen = students([part], "hinton", "fitnet", "fsp", "bss")
    own = sent(
        [student.name for _, student in chosen], "the evaluation transferability, with attacks that can be trusted"
    )
    return minus(own, sent(part.names("transferability", "baseline"), "an independent baseline under attack"))


_MEANS = {True: "That is a sign of masked gradients.", False: "So there is no clear sign of masked gradients."}


@judges("T3")
def transferred_attacks_beat_white_box(parts: Sequence[Part]) -> Answer:
    """Holds if an attack transferred from another network beats some target's white-box attack by over 2 points.

    It is judged for networks, not methods: at least one target's interval, corrected for the number of targets, must
    lie above 2 points. It does not hold if the intervals of all targets lie below 2 points. As in the paper, the
    teacher is no target.
    """
    found = [
        Estimate(float(row["value"]), float(row["ci_low"]), float(row["ci_high"]), None, part.named(str(row["member"])))
        for part in clean(parts)
        for row in part.rows("transferability", "masking")
        if row["role"] != "teacher"
    ]
    needed(found, "the evaluation transferability, with attacks that can be trusted")
    flagged = [each for each in found if corrected(each, len(found)).low > MASKED]
    clear = all(each.high < MASKED for each in found)
    worst = max(found, key=lambda each: each.value)
    evidence = (
        f"{len(flagged)} of {len(found)} targets are fooled over 2 points more by a transferred attack than by their "
        f"own white-box attack{_attack(parts)}; the largest difference is that of {worst.of}: {points(worst)}. "
        f"{_MEANS[bool(flagged)]}"
    )
    return answer("holds" if flagged else "does not hold" if clear else "undecided", evidence, found)


def _answered(verdict: Verdict, evidence: str, estimates: Sequence[Estimate]) -> Answer:
    few = (fewest(estimates) or 0) < SEEDS_TO_RANK
    return answer(verdict, evidence, estimates, _ALL_NETWORKS if few else "")


def _attack(parts: Sequence[Part]) -> str:
    """The attack of the first run that has one, which the paper has with ε = 0.031 and 20 steps."""
    for part in parts:
        result = part.run.result("transferability")
        options = result.settings.get("options", {}) if result is not None else {}
        if options.get("attack"):
            return f" ({options['attack'].get('name', 'another attack')})"
        if "epsilon" in options:
            return f" (PGD, ε = {options['epsilon']:g}, {options['steps']} steps)"
    return ""
