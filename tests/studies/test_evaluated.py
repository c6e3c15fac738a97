from pathlib import Path

import altair as alt
import pytest

import robustkd as rk
from robustkd.errors import StudyError
from robustkd.reporting import Report
from robustkd.reporting.report import Section
from robustkd.reporting.table import Cell, Column, Table
from robustkd.results.records import Check
from robustkd.studies import Evaluated
from robustkd.studies.summary import summary_html, summary_text


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Evaluated:
    networks = [rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in range(3)]
    pool = rk.ModelPool(networks[0], networks[1], {"<b>at</b>": networks[2]})
    options = {"transferability": {"images": 5, "steps": 1, "square_queries": 20}}
    out = tmp_path_factory.mktemp("runs") / "run"
    return rk.evaluate(pool, rk.load_dataset("digits"), options=options, limit=20, out=out, device="cpu")


def report(rows: int = 2, columns: int = 2, sentences: int = 1, failed: int = 0) -> Report:
    cell = Cell("12.3", "± 0.4", best=True, below_baseline=True)
    heads = tuple(Column(f"Metric number {index}", "%", "↑", "A <meaning>.") for index in range(columns))
    table = Table("summary", "Network", heads, tuple((f"<net {row}>", (cell,) * columns) for row in range(rows)))
    said = tuple(f"Sentence {index} says something about <net 0> that fills a line." for index in range(sentences))
    section = Section("fidelity", "Fidelity", "?", said, (), {}, "", {})
    checks = tuple(Check(f"check {index}", index >= failed, "why it failed") for index in range(failed + 1))
    return Report("A <study>", (table,), (section,), checks, {})


def test_the_summary_holds_scoreboard_headlines_failed_checks_what_is_missing_and_the_place() -> None:
    text = summary_text(report(failed=1), {"hinton-0": "out of memory"}, Path("run/report/index.html"))

    assert text.splitlines() == [
        "A <study>",
        "",
        "            Metric     Metric",
        "          number 0   number 1",
        "Network      (%) ↑      (%) ↑",
        "<net 0>     12.3 ▼     12.3 ▼",
        "<net 1>     12.3 ▼     12.3 ▼",
        "",
        "• Sentence 0 says something about <net 0> that fills a line.",
        "1 of 2 validity checks passed.",
        "  failed: check 0: why it failed",
        "Missing:",
        "  hinton-0: out of memory",
        "Report: run/report/index.html",
    ]


def test_the_summary_has_at_most_forty_lines_and_says_what_it_leaves_out() -> None:
    missing = {f"sp-{seed}": "out of memory " * 20 for seed in range(9)}

    lines = summary_text(report(rows=30, columns=20, sentences=40, failed=9), missing, Path("page")).splitlines()

    assert len(lines) <= 40
    assert max(map(len, lines)) <= 100
    assert "… 20 rows and 12 columns more in the report" in lines
    assert "  … 29 lines in the report" in lines
    assert lines.count("  … 7 more in the report") == 2


def test_in_a_notebook_scoreboard_and_headlines_are_shown_and_names_are_escaped() -> None:
    html = summary_html(report(failed=1), {"<i>sp</i>": "lost"}, Path("page"))

    assert "<th>&lt;net 0&gt;</th><td><b>12.3</b> <small>± 0.4 ▼</small></td>" in html
    assert '<th title="A &lt;meaning&gt;.">Metric number 0 (%) ↑</th>' in html
    assert "<li>Sentence 0 says something about &lt;net 0&gt;" in html
    assert "missing: &lt;i&gt;sp&lt;/i&gt;: lost" in html
    assert "<net" not in html


def test_an_evaluation_prints_its_summary_and_shows_its_scoreboard(evaluated: Evaluated) -> None:
    printed = str(evaluated)

    assert len(printed.splitlines()) <= 40
    assert "<b>at</b>" in printed
    assert printed.endswith(f"Report: {evaluated.page}")
    assert "&lt;b&gt;at&lt;/b&gt;" in evaluated._repr_html_()
    assert repr(evaluated).startswith("<results of generalization, fidelity, knowledge, calibration, selective, ")


def test_every_evaluation_has_its_chart(evaluated: Evaluated) -> None:
    assert list(evaluated.charts) == list(evaluated.results)
    assert isinstance(evaluated.charts["fidelity"], alt.TopLevelMixin)
    assert evaluated.charts["fidelity"].to_dict()["$schema"].startswith("https://vega.github.io/schema/vega-lite")


def test_a_saved_report_is_complete_and_overwrites_nothing(evaluated: Evaluated, tmp_path: Path) -> None:
    page = evaluated.save(tmp_path / "saved")

    assert page.is_file()
    with pytest.raises(StudyError, match="not empty"):
        evaluated.save(tmp_path / "saved")
