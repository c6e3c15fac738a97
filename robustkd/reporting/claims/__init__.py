"""The papers' claims, each judged from the results of one or several runs.

One file for each paper holds the judges; each docstring states the rule. A claim *holds* where the interval lies on its
side of the threshold, *does not hold* where the interval lies on the other side, and is *undecided* where the interval
contains the threshold or a method that is compared has fewer than three seeds. Numbers that a failed validity check
voids are never evidence.
"""

from collections.abc import Sequence

from robustkd.reporting.claims.claim import (
    JUDGES,
    Claim,
    Judgement,
    NotAskedError,
    Verdict,
    published_claims,
)
from robustkd.reporting.claims.part import Part, parts_of
from robustkd.reporting.run import Run

__all__ = ["Claim", "Judgement", "Verdict", "judgements_of", "published_claims"]


def judgements_of(runs: Sequence[Run]) -> tuple[Judgement, ...]:
    """Judge every published claim from the results of one or several runs.

    Args:
        runs: The runs, at least one. A claim over several conditions, sizes or teachers may take them from several.

    Returns:
        One judgement for each claim, in the order of ``published/claims.csv``.
    """
    parts = parts_of(runs)
    return tuple(_judged(claim, parts) for claim in published_claims())


def _judged(claim: Claim, parts: Sequence[Part]) -> Judgement:
    try:
        answer = JUDGES[claim.id](parts)
    except NotAskedError as error:
        return Judgement(claim, "not asked", missing=str(error))
    return Judgement(claim, answer.verdict, answer.evidence, decides=answer.decides)
