"""Names that would be markup, commands or paths appear as text in every file of a report."""

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from robustkd.reporting import build_report

Build = Callable[..., Path]

HOSTILE = (
    "<script>alert(1)</script>",
    "a|b & c_d * `e` $f$ %g #h {i} ~j ^k \\l",
    "=HYPERLINK(1)",
    "[x](http://example.org) \"quoted\" 'twice'",
    "**" + "long" * 75,
    "مرحبا",
    "left\u202eright",
    "robot 🤖 naïve Łódź κ→∞ ½ Ж",
    "../../x",
    "two\nlines\tand\x00nothing",
)


@pytest.fixture
def report(build: Build) -> Path:
    run = build(students=HOSTILE, conditions=("clean", "../<b>|noisy|"), evaluations=("generalization",))
    return build_report(run).parent


def test_no_file_is_written_outside_the_report_or_under_an_unsafe_name(report: Path) -> None:
    names = [path.name for path in report.rglob("*")]

    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") for name in names)
    assert all(len(name.encode()) <= 150 for name in names)
    assert sorted(path.name for path in report.parent.iterdir()) == [".reporting", "report", "results", "run.json"]


def test_markdown_has_one_row_for_each_network_and_no_character_that_hides_or_reorders_text(report: Path) -> None:
    text = (report / "tables" / "generalization-clean.md").read_text()

    lines = text.splitlines()
    assert len(lines) == 2 + 2 + len(HOSTILE)
    assert {len(line.replace("\\|", "").split("|")) for line in lines} == {7}  # a label and four metrics
    assert not set("\u202e\x00\t") & set(text)
    assert "\\<script>" in text
    assert "**" + "long" not in text


def test_a_spreadsheet_runs_no_name(report: Path) -> None:
    with open(report / "tables" / "generalization-clean.csv", newline="") as file:
        labels = [row[0] for row in csv.reader(file)]

    assert "'=HYPERLINK(1)" in labels
    assert not [label for label in labels if label.startswith(("=", "+", "-", "@"))]
    assert len(labels) == 1 + 2 + len(HOSTILE)


def test_the_page_holds_names_as_text(report: Path) -> None:
    page = (report / "index.html").read_text()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_every_table_compiles_in_latex(report: Path, tmp_path: Path) -> None:
    tables = sorted((report / "tables").glob("*.tex"))
    inputs = "\n\n".join(f"\\input{{{table}}}" for table in tables)
    document = (
        "\\documentclass{article}\\usepackage{amssymb,booktabs}\n\\begin{document}\n" + inputs + "\n\\end{document}\n"
    )
    (tmp_path / "all.tex").write_text(document)

    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )

    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout
    assert len(tables) >= 3
