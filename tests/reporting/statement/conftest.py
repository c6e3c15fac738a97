import math
from typing import Any

import pytest

from robustkd.reporting.report import Report
from robustkd.reporting.statement.content import Line, Statement, StudentStatement
from robustkd.reporting.table import Cell, Column, Table
from robustkd.results.records import Check

HOSTILE = '"a": <b>\n---\n| é 🤖 #'


def member(name: str, role: str, **more: Any) -> dict[str, Any]:
    return {
        "member": name,
        "role": role,
        "method": name,
        "architecture": "cifar_resnet8",
        "condition": "clean",
        "seed": 1,
        "parameters": 78042,
        "source": "trained by robustkd",
        "digest": "ab" * 32,
        "lineage": {"options": {"temperature": 4.0}, "recipe": {"epochs": 8}},
        **more,
    }


@pytest.fixture
def report() -> Report:
    """A report on two students; one has a hostile name, and a number whose check failed."""
    gain = Line(
        "generalization", "accuracy_gain", "Accuracy", "+1.2 points", "Accuracy is 61.0%, +1.2 points.",
        value=0.61, difference=0.012, ci_low=0.002, ci_high=0.022, baseline=0.598, unit="points", significant=True,
    )  # fmt: skip
    unknown = Line("", "", "Seeds", "", "One seed does not tell | methods apart.")
    students = (
        StudentStatement("hinton", "", "It is better than the baseline.", (gain,), (), (), (unknown,)),
        StudentStatement(HOSTILE, "", "Nothing is known.", (), (), (), ()),
    )
    columns = (Column("Accuracy", "%", "↑", group="Generalization"), Column("ECE", "%", "↓"), Column("AURC", "%"))
    rows = (
        ("hinton", (Cell("61.0", value=61.0, low=58.0, high=64.0, seeds=3), Cell("–"), Cell("9", value=9.0))),
        (HOSTILE, (Cell("50.0", value=50.0), Cell("7.0", value=7.0, untrusted=True), Cell("–", value=math.nan))),
    )
    return Report(
        title="a study",
        summaries=(Table("summary", "Network", columns, rows),),
        sections=(),
        checks=(Check("attack works", False, "it does not", HOSTILE), Check("finite", True, "")),
        provenance={
            "finished": "2026-01-01 00:00 UTC",
            "data": {
                "name": "hf:uoft-cs/cifar100@label=fine_label",
                "test_images": 1000,
                "train_images": None,
                "classes": 100,
                "limited": True,
                "digest": "cd" * 32,
            },
            "members": [
                member("teacher", "teacher", source="hf-hub:timm/resnet18.a1_in1k"),
                member("hinton", "student"),
                member(HOSTILE, "student"),
            ],
            "missing": {},
            "skipped": {"minority": "needs classes of different sizes"},
            "versions": {"robustkd": "0.2"},
            "study": "name: a study\n",
            "selection": "the last epoch",
        },
        statement=Statement(students, ("There is one seed.", "Each method was trained once.")),
        damaged={"selective": "damaged (EOF)"},
    )
