"""A damaged run: what can be read is reported, and what cannot is named in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robustkd.errors import RobustKDError, StudyError
from robustkd.reporting import build_report

Build = Callable[..., Path]


def halved(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def removed(file: Path) -> None:
    file.unlink()


def a_list(file: Path) -> None:
    file.write_text("[1, 2]")


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [
        (suffix, damage)
        for suffix in (".json", ".parquet", ".csv", "-0.npz")
        for damage in (halved, emptied, removed, a_list)
    ],
)
def test_a_damaged_result_is_named_and_the_others_are_reported(
    build: Build, suffix: str, damage: Callable[[Path], None]
) -> None:
    run = build(evaluations=("generalization", "selective"))
    damage(run / "results" / f"selective{suffix}")

    text = (build_report(run).parent / "report.md").read_text()

    assert "## Generalization" in text
    assert "## Selective prediction" not in text
    [line] = [line for line in text.splitlines() if line.startswith("- selective: ")]
    assert "run the study again to measure it again" in line


def test_a_run_of_damaged_results_alone_is_an_error_of_one_line(build: Build) -> None:
    run = build(evaluations=("generalization",))
    halved(run / "results" / "generalization.json")

    with pytest.raises(StudyError, match=r"generalization\.\*: damaged \(.*\); run the study again") as raised:
        build_report(run)

    assert "\n" not in str(raised.value)


def test_images_that_cannot_be_read_are_left_out_of_their_section(build: Build) -> None:
    run = build(evaluations=("invariance",))
    records = run / "results" / "invariance-0.npz"
    content = bytearray(records.read_bytes())
    place = content.index(b"shown_0.npy") + 60
    content[place : place + 40] = b"x" * 40
    records.write_bytes(content)

    text = (build_report(run).parent / "report.md").read_text()

    assert "Without its pictures" in text
    assert "| baseline |" in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "valid dictionary"),
        ("{", "Expecting property name"),
        ("\x00", "Expecting value"),
        ("[" * 100_000, "recursion"),
        ('{"name": "x"}', "data: Field required"),
    ],
)
def test_a_damaged_run_file_is_an_error_of_one_line(build: Build, content: str, reason: str) -> None:
    run = build(evaluations=("generalization",))
    (run / "run.json").write_text(content)

    with pytest.raises(StudyError, match=reason) as raised:
        build_report(run)

    assert str(raised.value).startswith(f"{run / 'run.json'}: damaged (")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("name", 3),
        ("data", None),
        ("members", {"a": 1}),
        ("members", [1]),
        ("evaluations", "generalization"),
        ("versions", []),
        ("missing", None),
        ("seeds", ["x"]),
    ],
)
def test_an_entry_of_the_wrong_type_is_named(build: Build, entry: str, value: Any) -> None:
    run = build(evaluations=("generalization",))
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, entry: value}))

    with pytest.raises(StudyError, match=rf"run\.json: damaged \({entry}"):
        build_report(run)


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not a finished run"):
        build_report(tmp_path)


def test_an_evaluation_that_is_not_here_is_named(build: Build) -> None:
    run = build(evaluations=("generalization", "selective"))
    for file in (run / "results").glob("selective*"):
        file.rename(file.with_name(file.name.replace("selective", "of_a_plugin")))
    about = run / "results" / "of_a_plugin.json"
    about.write_text(about.read_text().replace("selective-0", "of_a_plugin-0"))
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "evaluations": ["generalization", "of_a_plugin"]}))

    text = (build_report(run).parent / "report.md").read_text()

    assert "- of_a_plugin: there is no evaluation 'of_a_plugin' here" in text


def test_results_of_another_version_of_an_evaluation_are_named_as_such(build: Build) -> None:
    run = build(evaluations=("generalization",))
    about = run / "results" / "generalization.json"
    stored = json.loads(about.read_text())
    stored["settings"]["version"] = 0
    about.write_text(json.dumps(stored))

    text = (build_report(run).parent / "report.md").read_text()

    assert "Version 0 of this evaluation measured it, and this robustkd has version 1" in text


def test_a_report_whose_files_were_deleted_is_built_again(build: Build) -> None:
    run = build(evaluations=("generalization",))
    report = build_report(run).parent
    for file in (report / "figures").iterdir():
        file.unlink()
    (report / "figures").rmdir()

    assert (build_report(run).parent / "figures" / "generalization.svg").is_file()


def test_a_run_that_cannot_be_written_to_is_an_error_of_one_line(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build(evaluations=("generalization",))

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(run / ".reporting"))

    monkeypatch.setattr("robustkd.reporting.build.FileLock", refused)

    with pytest.raises(RobustKDError, match=r"the report cannot be written \(Permission denied\)"):
        build_report(run)
