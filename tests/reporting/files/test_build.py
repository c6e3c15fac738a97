import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from robustkd.reporting import build_report, compose
from robustkd.reporting.statement.content import Statement, StudentStatement
from robustkd.results.records import Check

Build = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_results_give_the_same_files_byte_for_byte(build: Build) -> None:
    run = build(conditions=("clean", "label noise 40 %"))

    first = contents(build_report(run, publication=True).parent)
    second = contents(build_report(run, publication=True).parent)

    assert [name for name in first if first[name] != second.get(name)] == []
    assert first.keys() == second.keys()


def test_each_chart_is_drawn_as_vectors_and_as_pixels(build: Build) -> None:
    figures = build_report(build(evaluations=("generalization",))).parent / "figures"

    names = {path.stem for path in figures.iterdir()}
    assert "generalization" in names
    assert sorted(path.name for path in figures.iterdir()) == sorted(
        f"{name}.{end}" for name in names for end in ("pdf", "png", "svg")
    )
    assert (figures / "generalization.pdf").read_bytes().startswith(b"%PDF")
    assert (figures / "generalization.png").read_bytes().startswith(b"\x89PNG")


def test_figures_for_a_publication_are_drawn_on_request(build: Build) -> None:
    report = build_report(build(evaluations=("generalization",)), publication=True).parent

    names = {path.name for path in (report / "figures").iterdir()}
    assert names >= {
        f"generalization-{width}.{end}" for width in ("one-column", "two-columns") for end in ("pdf", "svg")
    }


def test_a_page_of_drawings_holds_the_same_charts_without_a_script_library(build: Build) -> None:
    run = build(evaluations=("generalization",))
    interactive = build_report(run).read_text(encoding="utf-8")

    drawn = build_report(run, interactive=False).read_text(encoding="utf-8")

    assert drawn.count('<figure class="chart"') == interactive.count('<figure class="chart"') > 0
    assert drawn.count("<svg") == interactive.count("<svg")
    assert 'id="vega"' in interactive
    assert 'id="vega"' not in drawn
    assert 'class="specification"' not in drawn
    assert len(drawn) < len(interactive) / 2


def test_a_report_without_students_has_no_statement_to_be_put_beside_weights(build: Build) -> None:
    report = build_report(build(students=(), evaluations=("generalization",))).parent

    assert not (report / "statement.json").exists()
    assert not (report / "MODEL_CARD.md").exists()


def test_a_report_with_students_has_their_statement_and_cards(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build(evaluations=("generalization",))
    told = Statement((StudentStatement("hinton", "", "It is alike.", (), (), (), ()),), ())
    monkeypatch.setattr(
        "robustkd.reporting.build.compose", lambda path, draw: replace(compose(path, draw), statement=told)
    )

    report = build_report(run).parent

    assert json.loads((report / "statement.json").read_text())["students"][0]["verdict"] == "It is alike."
    assert "It is alike." in (report / "MODEL_CARD.md").read_text()


def test_tables_of_parts_that_would_share_a_file_name_have_files_of_their_own(build: Build) -> None:
    conditions = ("noise: 40", "noise; 40", "NOISE 40")
    report = build_report(build(conditions=conditions, evaluations=("generalization",))).parent

    names = [path.stem for path in (report / "tables").glob("generalization*.csv")]
    assert len({name.casefold() for name in names}) == len(conditions)


def test_what_a_killed_process_left_of_a_report_goes(build: Build) -> None:
    run = build(evaluations=("generalization",))
    (run / ".report-abc" / "report").mkdir(parents=True)
    (run / ".report-abc" / "report" / "index.html").write_text("half")

    build_report(run)

    assert not list(run.glob(".report-*"))


@pytest.mark.slow
def test_a_report_of_twelve_networks_takes_ten_seconds_of_computation_at_most(build: Build) -> None:
    import resource

    students = [f"method {index}" for index in range(10)]
    failed = Check("attack works", False, "it does not", "method 3")
    run = build(students=students, conditions=("clean", "noisy"), checks=(failed,))

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    before = spent()
    build_report(run)

    assert spent() - before < 10
