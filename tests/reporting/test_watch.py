"""A run directory is filled by hand as a study would; a look or a fake clock stands for the time between."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from robustkd.cli import app
from robustkd.errors import StudyError
from robustkd.reporting.compose import compose
from robustkd.reporting.progress import UNDER_WAY, read_progress
from robustkd.reporting.run import read_run
from robustkd.reporting.run_file import to_come
from robustkd.reporting.watch import Seen, look, watch

from .constructed_runs import method, write_facts, write_result

ROWS = [method("baseline", "accuracy", 0.8, 0.7, 0.9), method("kd", "accuracy", 0.85, 0.75, 0.95)]
HASH = "0123456789abcdef"


def start(run: Path) -> None:
    """A study of two networks and two evaluations begins."""
    run.mkdir(exist_ok=True)
    (run / "study.yaml").write_text("name: study\n")
    networks = {f"teacher-{HASH}": "teacher-0", f"student-kd-{HASH[::-1]}": "kd-0"}
    content = {"store": str(run / "jobs"), "networks": networks, "evaluations": ["generalization", "calibration"]}
    (run / UNDER_WAY).write_text(json.dumps(content))


def train(run: Path, folder: str) -> None:
    (run / "jobs" / folder).mkdir(parents=True)
    (run / "jobs" / folder / "job.json").write_text("{}")


def measure(run: Path, *left: str) -> None:
    """The first evaluation is done, and others are left."""
    write_result(run, "generalization", ROWS)
    write_facts(run, "study", ["generalization"], **({"to_come": list(left)} if left else {}))


def finish(run: Path) -> None:
    measure(run)
    (run / UNDER_WAY).unlink()


def test_what_is_still_to_come_is_told_from_the_first_network_to_the_report(tmp_path: Path) -> None:
    start(tmp_path)
    told = [str(read_progress(tmp_path))]
    train(tmp_path, f"teacher-{HASH}")
    told.append(str(read_progress(tmp_path)))
    (tmp_path / "jobs" / f".{HASH[::-1]}.failed.json").write_text("{}")
    told.append(str(read_progress(tmp_path)))
    measure(tmp_path, "calibration")
    told.append(str(read_progress(tmp_path)))
    finish(tmp_path)
    told.append(str(read_progress(tmp_path)))

    assert told == [
        "0 of 2 networks trained; still to come: teacher-0 and kd-0, then 2 evaluations",
        "1 of 2 networks trained; still to come: kd-0, then 2 evaluations",
        "0 of 2 evaluations measured; still to come: generalization and calibration",
        "1 of 2 evaluations measured; still to come: calibration",
        "1 of 1 evaluation measured; the study is finished",
    ]


def test_results_of_an_earlier_run_of_the_study_are_not_taken_for_its_own(tmp_path: Path) -> None:
    measure(tmp_path)
    start(tmp_path)

    progress = read_progress(tmp_path)

    assert (progress.measured, progress.finished) == ((), False)


def test_the_report_is_built_when_results_are_new_and_only_then(tmp_path: Path) -> None:
    built: list[Path] = []
    said: list[str] = []

    def build(run: Path) -> Path:
        built.append(run)
        return run / "report" / "index.html"

    start(tmp_path)
    seen = look(tmp_path, Seen(), said.append, build)
    assert built == []
    measure(tmp_path, "calibration")
    seen = look(tmp_path, seen, said.append, build)
    seen = look(tmp_path, seen, said.append, build)

    assert built == [tmp_path]
    assert not seen.finished
    assert said == [
        "0 of 2 networks trained; still to come: teacher-0 and kd-0, then 2 evaluations",
        "1 of 2 evaluations measured; still to come: calibration",
        str(tmp_path / "report" / "index.html"),
    ]


def test_results_that_cannot_be_read_yet_stop_nothing_until_the_study_is_finished(tmp_path: Path) -> None:
    def build(run: Path) -> Path:
        raise StudyError("damaged")

    said: list[str] = []
    start(tmp_path)
    measure(tmp_path, "calibration")
    seen = look(tmp_path, Seen(), said.append, build)
    assert said[-1] == "no report yet: damaged"

    finish(tmp_path)
    with pytest.raises(StudyError, match="damaged"):
        look(tmp_path, seen, said.append, build)


def test_watching_stops_when_the_study_is_finished(tmp_path: Path) -> None:
    steps = iter([lambda: measure(tmp_path, "calibration"), lambda: finish(tmp_path)])
    waited: list[float] = []
    said: list[str] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        next(steps)()

    start(tmp_path)
    watch(tmp_path, 5.0, said.append, sleep, lambda run: run / str(compose(run).title))

    assert waited == [5.0, 5.0]
    assert said[-2:] == ["1 of 1 evaluation measured; the study is finished", str(tmp_path / "study")]


def test_a_directory_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no study has started here"):
        watch(tmp_path, 5.0, print)


def test_an_interim_report_says_in_its_title_and_above_its_findings_what_is_to_come(tmp_path: Path) -> None:
    measure(tmp_path, "calibration", "fidelity")

    report = compose(tmp_path)

    assert report.title == "study (interim report: 1 of 3 evaluations measured)"
    assert report.to_come == ("Calibration", "Fidelity")
    assert report.statement.warnings[0] == "This is an interim report. Still to come: Calibration and Fidelity."


def test_a_run_without_any_evaluation_yet_is_refused_with_what_is_to_come(tmp_path: Path) -> None:
    write_facts(tmp_path, "study", [], to_come=["fidelity"])

    with pytest.raises(StudyError, match="no evaluation is measured yet; still to come: fidelity"):
        read_run(tmp_path)


def test_a_finished_run_has_nothing_to_come(tmp_path: Path) -> None:
    measure(tmp_path)

    assert (to_come(tmp_path), read_run(tmp_path).to_come, compose(tmp_path).title) == ((), (), "study")


def test_the_command_builds_the_page_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, bool] = {}
    monkeypatch.setattr(
        "robustkd.reporting.watch.watch", lambda run, interval, say, build: asked.update(build.keywords)
    )

    told = CliRunner().invoke(app, ["report", "run", "--watch", "--charts", "drawn"], catch_exceptions=False)

    assert told.exit_code == 0
    assert asked == {"publication": False, "interactive": False}
