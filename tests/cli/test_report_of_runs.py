"""`robustkd report` with several runs, and what it refuses."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from robustkd.cli import app, main

from ..reporting.constructed_runs import method, write_run


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    rows = [method("kd", "accuracy", 0.8, 0.77, 0.83)]
    return [str(write_run(tmp_path / name, rows)) for name in "ab"]


def test_several_runs_are_written_to_a_directory_for_the_comparison(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    usual = CliRunner().invoke(app, ["report", *runs])
    named = CliRunner().invoke(app, ["report", *runs, "--out", "x/y"])

    assert (usual.exit_code, usual.output) == (0, "comparison/index.html\n")
    assert (named.exit_code, named.output) == (0, "x/y/index.html\n")
    assert {path.name for path in Path("comparison").iterdir()} == {"index.html", "comparison.md", "comparison.csv"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["a", "--out", "x"], "--out is for a comparison of several runs"),
        (["a", "b", "--watch"], "--watch follows one run"),
        (["nowhere", "--watch"], "nowhere: no study has started here"),
        (["a", "--watch", "--interval", "0"], "--interval: must be at least 0.1"),
        (["a", "a"], "a: is given twice"),
        (["a", "nowhere"], "nowhere: not a finished run (it has no run.json)"),
        (["a", "b", "--out", "a/run.json"], "a/run.json: is a file, not a directory"),
        (["a", "b", "--out", "a"], "a: holds other files, such as results"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    arguments: list[str],
    problem: str,
    runs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["robustkd", "report", *arguments])

    with pytest.raises(SystemExit) as raised:
        main()

    said = capsys.readouterr().err
    assert (raised.value.code, said.count("\n"), problem in said) == (2, 1, True)
