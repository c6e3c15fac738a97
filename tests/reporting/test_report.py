import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

import robustkd as rk
from robustkd.cli.results_table import show_results
from robustkd.data.conditions.label_noise import LabelNoise
from robustkd.errors import RobustKDError, StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting import build_report, compose
from robustkd.reporting.report import Report
from robustkd.results.storage import load_results
from robustkd.studies.answers import EvaluatedPart, evaluate_parts
from robustkd.studies.evaluated import Evaluated


class Page(HTMLParser):
    """Collects what a page refers to, its elements, and its text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] not in (["script"], ["style"]):
            self.words.append(data)


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    return Page((run / "report" / "index.html").read_text(encoding="utf-8"))


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    assert [reference for reference in page.references if not reference.startswith(("data:", "#"))] == []


def test_the_scoreboard_stands_before_the_sections_and_every_evaluation_has_its_section(run: Path, page: Page) -> None:
    parts = re.findall(r'<section id="([^"]+)"', (run / "report" / "index.html").read_text(encoding="utf-8"))
    text = " ".join(page.words)

    results = load_results(run / "results")
    evaluations = json.loads((run / "run.json").read_text(encoding="utf-8"))["evaluations"]
    expected = ["statement", "scoreboard", "trade-off", "checks", *evaluations, "published", "claims", "how-obtained"]
    assert parts == [part for part in expected if part in parts]
    assert {"statement", "scoreboard", "checks", *evaluations, "how-obtained"} <= set(parts)
    assert "Struck out" in text
    assert all(EVALUATIONS[result.evaluation]().question in text for result in results)


def test_names_from_users_are_shown_and_never_interpreted(run: Path, page: Page) -> None:
    assert "<b>at</b> & |co_" in " ".join(page.words)
    assert "b" not in page.tags
    assert (
        "at\\textless" in (run / "report" / "tables" / "fidelity.tex").read_text()
        or "<b>" in (run / "report" / "tables" / "fidelity.tex").read_text()
    )


def test_the_page_is_small_enough_to_send(run: Path) -> None:
    assert (run / "report" / "index.html").stat().st_size < 3_000_000


def test_charts_are_drawn_for_readers_without_scripts(run: Path) -> None:
    for result in load_results(run / "results"):
        figure = run / "report" / "figures" / f"{result.evaluation}.svg"
        assert ElementTree.parse(figure).getroot().tag.endswith("svg")
        assert figure.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_an_untrained_network_fails_the_check_and_its_numbers_are_struck_out(composed: Report, page: Page) -> None:
    failed = [check for check in composed.checks if not check.passed and check.name == "better than chance"]
    assert failed
    assert re.search(r"\d+ of \d+ validity checks failed", " ".join(page.words))
    rows = composed.summaries[0].rows
    marked = {label: any(cell.untrusted for cell in cells) for label, cells in rows}
    assert marked == {"teacher": False, "baseline": False, "<b>at</b> & |co_": False, "untrained": True}
    (generalization,) = (section for section in composed.sections if section.name == "generalization")
    rows = generalization.tables[0].rows
    assert any(cell.untrusted for label, cells in rows for cell in cells if label == "untrained")


def test_a_check_that_holds_for_all_evaluations_is_reported_once(composed: Report) -> None:
    members = [check.member for check in composed.checks if check.name == "better than chance"]
    assert len(composed.sections) > 1
    assert sorted(members) == ["<b>at</b> & |co_", "baseline", "teacher", "untrained"]


def test_for_methods_trained_once_it_says_what_that_leaves_open(composed: Report, page: Page) -> None:
    assert composed.caution.startswith("Each method was trained once: differences are between these networks, not")
    assert "what another training of the same method would give" in " ".join(" ".join(page.words).split())


def test_notes_about_the_measurement_are_in_the_report(run: Path, page: Page) -> None:
    text = " ".join(page.words)

    assert "left out: " in text  # corruptions
    assert "All checks" in text
    assert "left out: " in (run / "report" / "report.md").read_text()


def test_the_device_and_the_precision_are_a_line_of_their_own(run: Path) -> None:
    lines = (run / "report" / "report.md").read_text(encoding="utf-8").splitlines()

    (line,) = (line for line in lines if line.startswith("- Device: "))

    assert line.endswith(", evaluated in float32")


def test_provenance_names_versions_digests_and_device(run: Path) -> None:
    facts = json.loads((run / "report" / "provenance.json").read_text())

    assert {"robustkd", "torch", "timm", "torchattacks", "numpy"} <= facts["versions"].keys()
    assert all(len(member["digest"]) == 64 for member in facts["members"])
    assert facts["device"].startswith("cpu")
    assert facts["data"]["test_images"] == 40


def test_a_report_is_rebuilt_from_results_alone_and_is_the_same(run: Path, tmp_path: Path) -> None:
    before = {file.name: file.read_bytes() for file in (run / "report").rglob("*") if file.is_file()}
    copy = tmp_path / "copy"
    shutil.copytree(run / "results", copy / "results")
    shutil.copy(run / "run.json", copy)

    build_report(copy)

    after = {file.name: file.read_bytes() for file in (copy / "report").rglob("*") if file.is_file()}
    assert after == before


def in_new_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_rebuilding_needs_no_torch(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")

    done = in_new_process(
        "import sys\n"
        "from pathlib import Path\n"
        "from robustkd.reporting import build_report\n"
        f"build_report(Path({str(tmp_path / 'copy')!r}))\n"
        "assert not {'torch', 'timm'} & set(sys.modules)"
    )

    assert done.returncode == 0, done.stderr


def test_neither_evaluations_nor_reporting_import_a_drawing_library_before_they_draw() -> None:
    done = in_new_process(
        "import sys\n"
        "import robustkd.reporting\n"
        "from robustkd.evaluations import EVALUATIONS\n"
        "assert 'fidelity' in EVALUATIONS.names()\n"
        "assert not {'altair', 'vl_convert', 'jinja2', 'torch'} & set(sys.modules)"
    )

    assert done.returncode == 0, done.stderr


def test_a_library_that_is_not_installed_is_named_in_one_line(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    monkeypatch.setitem(sys.modules, "altair", None)

    with pytest.raises(
        RobustKDError, match=r"the report needs altair, which is not installed.*robustkd report"
    ) as error:
        build_report(copy)

    assert "\n" not in str(error.value)


def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not a finished run"):
        build_report(tmp_path)


def evaluated(evaluation: str, *networks: rk.PixelModel, out: Path, **conditioned: LabelNoise) -> Evaluated:
    """A teacher, a baseline and students, evaluated on forty digits by one evaluation alone."""
    teacher, baseline, *students = networks
    pool = rk.ModelPool(teacher, baseline, {f"s{place}": student for place, student in enumerate(students)})
    data = rk.load_dataset("digits")
    data = replace(data, test=data.test.subset(data.test.sample_indices(40)))
    about = {"name": evaluation, "study": "", "selection": ""}
    part = EvaluatedPart(pool, **conditioned)
    return evaluate_parts(
        [part], data, {evaluation: EVALUATIONS[evaluation].Options()}, out, torch.device("cpu"), about
    )


def test_where_no_label_is_wrong_the_report_has_no_summary_and_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = (rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in range(3))

    found = evaluated("label_noise", *networks, out=tmp_path, condition=LabelNoise(rate=0.0))
    show_results(found)

    assert compose(tmp_path).summaries == ()
    assert sorted(file.name for file in (tmp_path / "report" / "tables").glob("*.csv")) == ["label_noise.csv"]
    assert capsys.readouterr().out.strip().endswith(str(found.page))
