"""The gate as continuous integration uses it: exit codes, lines, JUnit XML and the summary."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from robustkd.cli import app, main

from ..reporting.constructed_runs import method, write_run

ROWS = [
    method("teacher", "accuracy", 0.90, 0.88, 0.92),
    method("kd", "accuracy", 0.88, 0.86, 0.90),
    method("<at> | x", "accuracy", 0.84, 0.82, 0.86),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", ROWS, name="demo & more")


def test_met_requirements_exit_with_0_and_say_how_much_there_is_to_spare(run: Path) -> None:
    result = CliRunner().invoke(app, ["gate", str(run), "--require", "kd: accuracy_drop <= 0.05"])

    assert result.exit_code == 0
    # intervals of ± 2 points on both sides: 2 ± 2√2
    assert result.output.splitlines() == [
        "✓ kd: accuracy_drop 2.00 points [−0.83, 4.83]; required kd:accuracy_drop <= 0.05: met, 3 points to spare",
        "the requirement is met",
    ]


def test_a_requirement_that_is_not_met_exits_with_1_and_says_by_how_much(run: Path) -> None:
    result = CliRunner().invoke(app, ["gate", str(run), "--require", "accuracy.low >= 0.85"])

    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "✓ kd: accuracy 88.00% [86.00, 90.00]; required accuracy.low >= 0.85: met, 1 points to spare",
        "✗ <at> | x: accuracy 84.00% [82.00, 86.00]; required accuracy.low >= 0.85: too low by 3 points",
        "not met in 1 of 2 cases",
    ]


def test_an_absent_number_exits_with_1(run: Path) -> None:
    result = CliRunner().invoke(app, ["gate", str(run), "--require", "kd: worst_group_drop <= 2%"])

    assert result.exit_code == 1
    assert "✗ kd: worst_group_drop –; required kd:worst_group_drop <= 2%: the run does not have" in result.output


def test_junit_xml_has_a_case_for_each_verdict_and_a_failure_for_each_that_is_not_met(
    run: Path, tmp_path: Path
) -> None:
    file = tmp_path / "reports" / "gate.xml"

    CliRunner().invoke(app, ["gate", str(run), "--require", "accuracy_drop <= 5%", "--junit", str(file)])

    suite = ElementTree.parse(file).getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    failing = {case.attrib["name"]: [each.attrib["message"] for each in case.findall("failure")] for case in suite}
    assert failing["kd: accuracy_drop <= 5%"] == []
    (message,) = failing["<at> | x: accuracy_drop <= 5%"]
    assert message.endswith("too high by 1 points")
    assert {case.attrib["classname"] for case in suite} == {"demo & more"}


def test_the_summary_is_appended_to_githubs_file_if_that_is_set(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "summary.md"
    file.write_text("of an earlier step\n")
    environment = {"GITHUB_STEP_SUMMARY": str(file)}

    CliRunner(env=environment).invoke(app, ["gate", str(run), "--require", "accuracy_drop <= 5%"])

    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "of an earlier step"
    assert lines[1] == "### ✗ robustkd gate: demo & more"
    assert [line[:5] for line in lines if line.startswith(("| ✗", "| ✓"))] == ["| ✗ |", "| ✓ |"]
    assert "| ✗ | \\<at&gt; \\| x | accuracy_drop 6.00 points" in "\n".join(lines)


def test_a_file_of_requirements_and_a_file_for_the_summary(run: Path, tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text("requirements: [{metric: accuracy, student: '<at> | x', at_least: 0.8}]")
    arguments = ["--requirements", str(tmp_path / "gate.yaml"), "--summary", str(tmp_path / "told.md")]

    result = CliRunner(env={"GITHUB_STEP_SUMMARY": ""}).invoke(app, ["gate", str(run), *arguments])

    assert result.exit_code == 0
    assert (tmp_path / "told.md").read_text(encoding="utf-8").startswith("### ✓ robustkd gate: demo & more")


def test_networks_that_are_missing_are_named(tmp_path: Path) -> None:
    run = write_run(tmp_path, ROWS, missing={"sp-0": "out of memory"})

    result = CliRunner().invoke(app, ["gate", str(run), "--require", "kd: accuracy > 0"])

    assert "Missing: sp-0: out of memory" in result.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "error: nothing is required: give --require"),
        (["--require", "acuracy > 0"], "unknown metric 'acuracy': did you mean accuracy"),
        (["--require", "accuracy"], "must be [STUDENT:]METRIC"),
        (["--requirements", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
    ],
)
def test_bad_input_exits_with_2_in_one_line(
    arguments: list[str], problem: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["robustkd", "gate", str(run), *arguments])

    with pytest.raises(SystemExit) as raised:
        main()

    said = capsys.readouterr().err
    assert (raised.value.code, said.count("\n"), problem in said) == (2, 1, True)
