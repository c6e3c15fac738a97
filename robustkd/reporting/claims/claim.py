"""The papers' claims, what a judge answers, and which function judges which claim."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import getdoc
from typing import Literal

from robustkd.published import load_published
from robustkd.registry import Registry
from robustkd.reporting.claims.part import Part

Verdict = Literal["holds", "does not hold", "undecided", "not asked"]

SIGNS: dict[Verdict, str] = {"holds": "✓", "does not hold": "✗", "undecided": "?", "not asked": "–"}
"""The sign of each verdict, so that no reader needs a colour."""


@dataclass(frozen=True)
class Claim:
    """A published claim: a row of ``published/claims.csv``.

    Attributes:
        id: Its short name, such as ``G1``.
        paper: The paper and the section.
        claim: What the paper claims.
        published_evidence: The numbers behind it.
        test: The number that tests it.
        suggested_pass_rule: When the claim would pass; the judge's docstring has the rule that is applied.
        needs: The networks and data that it needs.
        caveat: What a reader must know about it; may be empty.
    """

    id: str
    paper: str
    claim: str
    published_evidence: str
    test: str
    suggested_pass_rule: str
    needs: str
    caveat: str


@dataclass(frozen=True)
class Answer:
    """What a judge answers.

    Attributes:
        verdict: The verdict.
        evidence: One or two sentences with the numbers and their intervals.
        decides: What would decide it; empty unless undecided.
    """

    verdict: Verdict
    evidence: str
    decides: str = ""


@dataclass(frozen=True)
class Judgement:
    """A claim, judged.

    Attributes:
        claim: The claim.
        verdict: The verdict; ``not asked`` where these runs cannot answer.
        evidence: One or two sentences with the numbers and their intervals; empty where it was not asked.
        missing: What these runs lack; empty unless it was not asked.
        decides: What would decide it; empty unless undecided.
    """

    claim: Claim
    verdict: Verdict
    evidence: str = ""
    missing: str = ""
    decides: str = ""

    @property
    def sign(self) -> str:
        """The sign of the verdict."""
        return SIGNS[self.verdict]

    @property
    def rule(self) -> str:
        """The rule of the verdict: the first line of the judge's docstring."""
        return (getdoc(JUDGES[self.claim.id]) or "").partition("\n")[0]


class NotAskedError(Exception):
    """The runs lack something that a claim needs; the message names it."""


Judge = Callable[[Sequence[Part]], Answer]
"""A function that judges a claim by the parts of one or several runs, or raises `NotAskedError`."""

JUDGES: Registry[Judge] = Registry("judge of a claim", "robustkd.reporting.claims")
"""The judges, by the id of the claim."""

judges = JUDGES.register
"""A decorator that makes a function the judge of the claim with this id."""


@cache
def published_claims() -> tuple[Claim, ...]:
    """Return the claims in the order of ``published/claims.csv``."""
    rows = load_published("claims").fillna("").to_dict("records")
    return tuple(Claim(**{str(key): _typeset(str(value)) for key, value in row.items()}) for row in rows)


def _typeset(text: str) -> str:
    return text.replace("+-", "±").replace("->", "→").replace("<=", "≤").replace(">=", "≥")
