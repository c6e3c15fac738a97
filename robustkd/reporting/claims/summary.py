"""Judgements as a report and the command line show them: those that were judged, and what the others lack."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from robustkd.reporting.claims.claim import Judgement, Verdict


@dataclass(frozen=True)
class Lacking:
    """Claims that were not asked for the same reason.

    Attributes:
        claims: The claims.
        missing: What the runs lack.
    """

    claims: tuple[Judgement, ...]
    missing: str

    @property
    def ids(self) -> str:
        """The ids of the claims: ``G2, T1``."""
        return ", ".join(judgement.claim.id for judgement in self.claims)


@dataclass(frozen=True)
class ClaimsSummary:
    """Judgements, divided.

    Attributes:
        judged: The claims that the runs answer, or leave undecided.
        lacking: The others, grouped by what is missing.
        sentence: How many have which verdict.
    """

    judged: tuple[Judgement, ...]
    lacking: tuple[Lacking, ...]
    sentence: str

    @property
    def not_asked(self) -> int:
        """The number of claims that were not asked."""
        return sum(len(each.claims) for each in self.lacking)

    @property
    def note(self) -> str:
        """How to read the verdicts."""
        return _NOTE


_NOTE = (
    "A claim holds where the 95% interval (in brackets) lies on its side of the threshold, does not hold where the "
    "interval lies on the other side, and is undecided where the interval contains the threshold or a method has fewer "
    "than three seeds."
)


def summary_of(judgements: Sequence[Judgement]) -> ClaimsSummary:
    """Divide judgements into those with a verdict and those that were not asked.

    Args:
        judgements: The judgements.
    """
    judged = tuple(judgement for judgement in judgements if judgement.verdict != "not asked")
    others = [judgement for judgement in judgements if judgement.verdict == "not asked"]
    reasons = dict.fromkeys(judgement.missing for judgement in others)
    lacking = tuple(Lacking(tuple(each for each in others if each.missing == why), why) for why in reasons)
    return ClaimsSummary(judged, lacking, _sentence(judged, len(judgements)))


def as_markdown(summary: ClaimsSummary) -> str:
    """Return judgements as Markdown, one item for each claim."""
    from robustkd.reporting.template_environment import template_environment

    return template_environment().get_template("claims.md.j2").render(claims=summary)


def as_data(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as JSON data."""
    claim = judgement.claim
    return {
        "id": claim.id,
        "paper": claim.paper,
        "claim": claim.claim,
        "verdict": judgement.verdict,
        "rule": judgement.rule,
        "evidence": judgement.evidence,
        "decides": judgement.decides,
        "missing": judgement.missing,
        "published_evidence": claim.published_evidence,
        "caveat": claim.caveat,
    }


def _sentence(judged: Sequence[Judgement], claims: int) -> str:
    verdicts: tuple[Verdict, ...] = ("holds", "does not hold", "undecided")
    counts = {verdict: sum(judgement.verdict == verdict for judgement in judged) for verdict in verdicts}
    told = (
        f"{counts['holds']} {'holds' if counts['holds'] == 1 else 'hold'}, {counts['does not hold']} "
        f"{'does' if counts['does not hold'] == 1 else 'do'} not hold, {counts['undecided']} "
        f"{'is' if counts['undecided'] == 1 else 'are'} undecided"
    )
    if not judged:
        return f"These results answer none of the {claims} published claims."
    return f"Of {claims} published claims, these results answer {len(judged)}: {told}."
