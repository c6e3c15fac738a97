from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement, judgements_of
from robustkd.reporting.run import Run
from robustkd.reporting.trust import trust_in
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import tidy

Row = dict[str, Any]

ROLES = {"teacher": "teacher", "baseline": "baseline"}


def tidy_row(row: Row) -> Row:
    """A row of tidy results: value ± half, of a method with three seeds, unless it says otherwise."""
    known = {
        "level": "detail" if "part" in row else "method",
        "group": "cifar_resnet8",
        "condition": "clean",
        "architecture": "cifar_resnet14" if row["method"] == "teacher" else "cifar_resnet8",
        "role": ROLES.get(row["method"], "student"),
        "member": row["method"],
        "n_seeds": 3,
        "ci_low": row["value"] - row["half"],
        "ci_high": row["value"] + row["half"],
    }
    return known | {key: value for key, value in row.items() if key not in ("evaluation", "half")}


@pytest.fixture
def run_of() -> Callable[..., Run]:
    """A run with the given rows as its results; a baseline is measured in every part of every evaluation."""

    def make(rows: Sequence[Row], checks: Sequence[Check] = (), baseline: bool = True, **about: Any) -> Run:
        results = []
        for evaluation in dict.fromkeys(row["evaluation"] for row in rows):
            own = [tidy_row(row) for row in rows if row["evaluation"] == evaluation]
            parts = {(row["group"], row["condition"]) for row in own}
            beside = [
                tidy_row({"method": "baseline", "metric": "of the baseline", "value": 0.5, "half": 0.1})
                | {"group": group, "condition": condition}
                for group, condition in sorted(parts)
            ]
            options = {"options": about.pop("options", {})}
            frame = tidy([*own, *(beside if baseline else [])])
            results.append(Result(evaluation, frame, tuple(checks), options))
        trust = {result.evaluation: trust_in(result, results) for result in results}
        provenance = {"name": "study", "data": {"name": "cifar10"}, "members": [], "study": ""} | about
        return Run(Path("run"), provenance, tuple(results), trust, {})

    return make


@pytest.fixture
def judge(run_of: Callable[..., Run]) -> Callable[..., Judgement]:
    """Judge one claim by a run with the given rows."""

    def judged(claim: str, rows: Sequence[Row], **about: Any) -> Judgement:
        found = judgements_of([run_of(rows, **about)])
        return next(judgement for judgement in found if judgement.claim.id == claim)

    return judged
