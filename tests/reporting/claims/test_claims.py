import csv
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from typer.testing import CliRunner

from robustkd.cli import app
from robustkd.reporting.claims import JUDGES, Judgement, judgements_of, published_claims
from robustkd.reporting.claims.summary import as_markdown, summary_of
from robustkd.reporting.page import render
from robustkd.reporting.report import Report
from robustkd.reporting.run import Run

Row = dict[str, Any]

GAIN = {
    "evaluation": "generalization",
    "metric": "accuracy_gain",
    "method": "hinton",
    "value": 0.02,
    "half": 0.01,
}


@pytest.fixture
def judgements(run_of: Callable[..., Run]) -> tuple[Judgement, ...]:
    return judgements_of([run_of([GAIN])])


def report(claims: tuple[Judgement, ...]) -> Report:
    return Report("mine", (), (), (), {"members": []}, claims=claims)


def test_every_published_claim_has_a_judge() -> None:
    with (files("robustkd.published") / "claims.csv").open(encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]

    assert [claim.id for claim in published_claims()] == ids
    assert JUDGES.names() == sorted(ids)


def test_every_judge_states_its_rule_in_one_line(judgements: tuple[Judgement, ...]) -> None:
    assert all(judgement.rule.startswith("Holds if ") and judgement.rule.endswith(".") for judgement in judgements)


def test_judgements_come_in_the_published_order(judgements: tuple[Judgement, ...]) -> None:
    assert [judgement.claim for judgement in judgements] == list(published_claims())


def test_the_summary_counts_verdicts_and_groups_what_is_missing(judgements: tuple[Judgement, ...]) -> None:
    summary = summary_of(judgements)

    assert summary.sentence == (
        "Of 33 published claims, these results answer 1: 1 holds, 0 do not hold, 0 are undecided."
    )
    assert [judgement.claim.id for judgement in summary.judged] == ["G1"]
    assert summary.not_asked == 32
    assert ("N1, N5", "networks trained with symmetric label noise at a rate near 0.4") in [
        (each.ids, each.missing) for each in summary.lacking
    ]


def test_the_page_says_the_verdict_in_words_and_folds_what_was_not_asked(judgements: tuple[Judgement, ...]) -> None:
    page = render(report(judgements), "claims.html.j2")

    judged, folded = page.split("<details>")
    assert "</span> holds</strong>" in judged
    assert "✓" in judged
    assert 'id="claim-G1"' in judged
    assert "32 claims that these results cannot answer" in folded
    assert "Missing: a student of each of sfd, overhaul, uda" in folded


def test_names_appear_as_text(run_of: Callable[..., Run]) -> None:
    hostile = "<script>alert(1)</script>|_"
    members = [{"method": hostile, "condition": "clean", "lineage": {"method": "hinton", "teacher_job": "1"}}]
    claims = judgements_of([run_of([{**GAIN, "method": hostile}], members=members)])

    assert "<script>" not in render(report(claims), "claims.html.j2")
    assert "<script>" not in as_markdown(summary_of(claims)).replace("\\<", "")  # escaped, it is text


def test_the_markdown_has_one_item_for_each_claim(judgements: tuple[Judgement, ...]) -> None:
    text = as_markdown(summary_of(judgements))

    assert "- ✓ **holds** · **G1** Hinton KD improves test accuracy" in text
    assert "- **N1, N5**: networks trained" in text


def test_a_report_without_claims_says_so() -> None:
    assert "none of the 0 published claims" in render(report(()), "claims.html.j2")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, run_of: Callable[..., Run]) -> Callable[..., str]:
    monkeypatch.setattr("robustkd.reporting.run.read_run", lambda _: run_of([GAIN]))

    def show(*options: str) -> str:
        return CliRunner().invoke(app, ["claims", "run", *options], catch_exceptions=False).output

    return show


def test_the_command_prints_verdict_evidence_and_what_is_missing(shown: Callable[..., str]) -> None:
    printed = shown()

    assert "✓ holds: G1 Hinton KD improves test accuracy over the no-teacher baseline\n" in printed
    assert "+2.0 points [+1.0, +3.0] (hinton)" in printed
    assert "    T1: a student of at\n" in printed


def test_the_command_prints_markdown(shown: Callable[..., str]) -> None:
    assert "- ✓ **holds** · **G1** Hinton KD improves test accuracy" in shown("--markdown")


def test_the_command_prints_every_claim_as_json(shown: Callable[..., str]) -> None:
    found = json.loads(shown("--json"))

    assert len(found) == 33
    assert (found[0]["id"], found[0]["verdict"]) == ("G1", "holds")
    assert found[1]["missing"]
