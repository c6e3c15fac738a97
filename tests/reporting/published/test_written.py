"""The files and the text that a report makes of its comparisons."""

from dataclasses import replace
from pathlib import Path

import pytest

from robustkd.reporting import page
from robustkd.reporting.build import build_report
from robustkd.reporting.compose import compose
from robustkd.reporting.page import render
from robustkd.results.records import Records
from robustkd.results.result import PartResult
from robustkd.results.storage import save_result

from ..constructed_runs import write_facts


@pytest.fixture
def folder(run_of, tmp_path: Path) -> Path:
    """The files of a run of WRN-16-2 on CIFAR-10, with one method."""
    run = run_of({"baseline": [93.9], "hinton": [94.3]})
    (result,) = run.results
    networks = run.trust["generalization"].networks
    records = Records(networks[["member", "role", "method", "architecture", "condition", "seed"]], {})
    (tmp_path / "results").mkdir()
    records.save(tmp_path / "results" / "generalization.npz")
    part = PartResult("generalization", "", "clean", "cifar_wrn_16_2", records, {})
    save_result("generalization", result.settings, [part], [result.frame], tmp_path / "results")
    known = dict(run.provenance)
    return write_facts(tmp_path, known.pop("name"), ["generalization"], **known)


def test_tables_and_figures_of_a_comparison_are_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "render", lambda *_, **__: "")

    written = build_report(folder).parent

    name = "published-sarfraz2020-table-iii-accuracy"
    tables = {path.name for path in (written / "tables").iterdir() if path.name.startswith("published")}
    figures = {path.name for path in (written / "figures").iterdir() if path.name.startswith("published")}
    assert tables == {f"{name}-WRN-16-2.{suffix}" for suffix in ("csv", "md", "tex")}
    assert figures == {f"{name}.svg", f"{name}.png", f"{name}.pdf"}


def test_the_markdown_shows_findings_chart_and_numbers(folder: Path) -> None:
    text = render(compose(folder), "published.md.j2")

    assert "### Sarfraz et al. 2020, Table III: Accuracy on CIFAR-10" in text
    assert "- The gain over the baseline of Hinton is +0.40 points here, and +0.33 in the paper." in text
    assert "](figures/published-sarfraz2020-table-iii-accuracy.svg)" in text
    assert "| Hinton | 94.30 | 94.28 ± 0.09 | +0.02 | +0.2 | +0.40 | +0.33 |" in text


def test_the_page_escapes_the_names_of_users(folder: Path) -> None:
    report = compose(folder)
    (comparison,) = report.published
    hostile = replace(comparison, differences="taught by <script>alert(1)</script>", alternative='"><b>')

    text = render(replace(report, published=(hostile,)), "published.html.j2")

    assert "<script>" not in text
    assert '"><b>' not in text
    assert f'id="chart-{comparison.name}"' in text


@pytest.mark.parametrize("template", ["published.html.j2", "published.md.j2"])
def test_a_run_of_other_things_has_no_section(folder: Path, template: str) -> None:
    assert render(replace(compose(folder), published=()), template).strip() == ""
