"""A report of two students, constructed by hand, with names that would be markup if they were not escaped."""

from dataclasses import replace
from typing import Any

import numpy as np

from robustkd.presentation.pictures import Picture, PictureRow, Tile
from robustkd.reporting.drawing_process import Drawing, Pictures
from robustkd.reporting.report import Report, Section
from robustkd.reporting.statement.content import Line, Statement, StudentStatement
from robustkd.reporting.table import Cell, Column, Table
from robustkd.results.records import Check

HOSTILE = "<script>alert('a')</script> \"b\" | c_d & ‮e‬ 🙂\nf" + "x" * 260
METHODS = ("teacher", "baseline", HOSTILE, "at_2")
ACCURACIES = (61.0, 52.5, 54.0, 48.0)
ANSWER = "at_2 classifies 48.0% of the test images correctly, −4.5 points [−6.0, −3.0]: worse."
FURTHER = "The teacher classifies 61.0% correctly."
FAILED = Check("better than chance", False, "at_2-1 is right on 10.0% of the images", member="at_2-1")


def number(value: float, spread: str = "", **marks: Any) -> Cell:
    """A cell of a scoreboard, with an interval of ±2."""
    marks = {"low": value - 2, "high": value + 2, "seeds": 3} | marks
    return Cell(f"{value:.1f}".replace("-", "−"), spread, value=value, **marks)


def scoreboard() -> Table:
    """Accuracy, of which the second best is marked; the difference to the baseline; agreement with the teacher."""
    columns = (
        Column("Accuracy", "%", "↑", "Share of correct images.", "Generalization", "generalization"),
        Column("Accuracy against baseline", "points", "↑", "The difference.", "Generalization", "generalization"),
        Column("Agreement", "%", "↑", "Share of equal decisions.", "Fidelity", "fidelity"),
    )
    rows = (
        ("teacher", (number(61.0, seeds=1), Cell("–"), Cell("–"))),
        ("baseline", (number(52.5, "± 1.0"), Cell("–"), number(70.0, "± 1.0"))),
        (HOSTILE, (number(54.0, "± 1.0", best=True), number(1.5, "[−0.5, +3.5]"), number(80.0, "± 1.0", best=True))),
        (
            "at_2",
            (number(48.0, "± 1.0", below_baseline=True), number(-4.5, "[−6.5, −2.5]"), number(9.0, untrusted=True)),
        ),
    )
    return Table("summary", "Network", columns, rows)


def chart(axis: str) -> dict[str, Any]:
    """Dots of four methods, with a field that nothing refers to."""
    values = [
        {"method": method, "value": value + 0.123456789, "unused": "never shown"}
        for method, value in zip(METHODS, ACCURACIES, strict=True)
    ]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.1.0.json",
        "data": {"values": values},
        "mark": "circle",
        "encoding": {
            "x": {"field": "value", "type": "quantitative", "title": axis},
            "y": {"field": "method", "type": "nominal", "title": None},
        },
        "width": 520,
        "height": {"step": 30},
    }


def svg(name: str) -> str:
    """A drawing such as Vega's, with descriptions of its marks."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="marks" width="640" height="160" viewBox="0 0 640 160">'
        '<rect width="640" height="160" fill="white"/><g role="graphics-object" aria-roledescription="mark">'
        f'<path aria-label="{name}: 61" d="M1.23456,2.5L3,4" fill="#1f6fb2"/></g></svg>'
    )


def section(name: str, title: str, question: str, **changed: Any) -> Section:
    """A section with a table of ten networks."""
    rows = tuple((f"{title} network {place}", (Cell(f"{50 + place}.0"),)) for place in range(10))
    made = Section(
        name=name,
        title=title,
        question=question,
        sentences=(f"{title}: the students differ.",),
        tables=(Table(name, "Network", (Column(f"{title} value", "%"),), rows),),
        chart=chart(f"{title} (%)"),
        drawing=Drawing(lambda: Pictures(svg(name), b"", b"")),
        options={"images": None},
        notes=(f"Measured on the images of {name}",),
        reading=(("How to read it", f"Look at {title}."),),
    )
    return replace(made, **changed)


def statement(students: int = 1, part: str = "") -> Statement:
    """A statement with a line in each list but one."""
    kept = Line(
        "fidelity", "agreement", "Agreement", "+10.0 points", "Agreement of 80.0%.", 0.8, 10.0, significant=True
    )
    lost = Line(
        "generalization", "accuracy", "Accuracy", "−7.0 points", "Seven points lost.", 0.5, -7.0, significant=True
    )
    even = Line("fidelity", "kl", "KL", "+0.1 nats", "The divergence stays.", 0.2, 0.1, significant=False)
    open_ = Line("unmeasured", "", "Calibration", "", "Calibration was not measured.")
    named = [HOSTILE, *(f"student {place}" for place in range(1, students))]
    entries = tuple(
        StudentStatement(name, part, f"Verdict on number {place}.", (kept, even), (lost,), (), (open_,))
        for place, name in enumerate(named)
    )
    return Statement(entries, ("There is one seed of the teacher.", "Few seeds were trained."))


def provenance() -> dict[str, Any]:
    """What ``run.json`` says of four networks."""
    members = [
        {
            "member": name,
            "role": "teacher",
            "architecture": "cifar_resnet8",
            "parameters": 78042,
            "seed": None,
            "condition": "clean",
            "digest": "ab" * 32,
            "notes": [],
        }
        for name in METHODS
    ]
    return {
        "name": "A study",
        "members": members,
        "data": {
            "name": "digits",
            "train_images": 100,
            "test_images": 1797,
            "limited": False,
            "classes": 10,
            "digest": "cd" * 32,
            "remarks": [],
        },
        "missing": {},
        "skipped": {},
        "finished": "2026-01-01 00:00 UTC",
        "git": "",
        "versions": {"robustkd": "0.2"},
        "seeds": [0, 1, 2],
        "device": "cpu",
        "precision": "float32",
        "selection": "the last epoch",
        "study": "name: </pre><script>alert(1)</script>",
    }


def picture(rows: int = 1) -> Picture:
    """Grey images of 8 pixels."""
    tile = Tile(np.full((8, 8), 90, dtype=np.uint8), "a digit")
    return Picture(
        "first",
        "The first images",
        "Chosen by hand.",
        ("one",),
        tuple(PictureRow(f"row {row}", (tile,)) for row in range(rows)),
    )


def report(**changed: Any) -> Report:
    """Three sections: one whose check failed, one with pictures, one without an answer."""
    sections = (
        section(
            "generalization",
            "Generalization",
            "How accurate is each network?",
            sentences=(ANSWER, FURTHER),
            failed=(FAILED,),
        ),
        section("fidelity", "Fidelity", "Does it follow the teacher?", pictures=(picture(),)),
        section(
            "label_noise", "Label noise", "What do wrong labels do?", sentences=("No label is wrong.",), answered=False
        ),
    )
    made = Report(
        title=f"Study of {HOSTILE}",
        summaries=(scoreboard(),),
        sections=sections,
        checks=(FAILED, Check("same logits", True, "as it should be", member="teacher")),
        provenance=provenance(),
        legend="▼: significantly worse than the independent baseline.",
        caution="Few seeds were trained.",
        statement=statement(),
    )
    return replace(made, **changed)
