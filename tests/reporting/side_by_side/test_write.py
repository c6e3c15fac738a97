import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest

from robustkd.errors import BadInputError
from robustkd.reporting.side_by_side import build_comparison
from robustkd.reporting.side_by_side.content import Comparison, Line, Number, Who
from robustkd.reporting.side_by_side.tables import table_of

from ..constructed_runs import method, write_run

HOSTILE = "<script>alert(1)</script> & |x_*"


class Page(HTMLParser):
    """Collects elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def built(tmp_path: Path) -> Path:
    rows = [method(HOSTILE, "accuracy", 0.8, 0.77, 0.83), method("kd", "accuracy", 0.7, 0.6, 0.8)]
    other = [method(HOSTILE, "accuracy", 0.9, 0.86, 0.94)]
    runs = [write_run(tmp_path / "a", rows, name=HOSTILE), write_run(tmp_path / "b", other, missing={HOSTILE: HOSTILE})]
    return build_comparison(runs, tmp_path / "out").parent


def test_the_page_is_self_contained_and_names_are_text(built: Path) -> None:
    page = Page((built / "index.html").read_text(encoding="utf-8"))

    assert "script" not in [tag for tag, _ in page.elements]
    assert HOSTILE in page.text
    references = [value for _, attributes in page.elements for key in ("src", "href") if (value := attributes.get(key))]
    assert all(reference.startswith(("#", "data:")) for reference in references)
    ids = {attributes.get("id") for _, attributes in page.elements}
    assert {reference[1:] for reference in references if reference.startswith("#")} <= ids


def test_every_table_that_scrolls_can_be_reached_and_named_by_keyboard_and_screen_reader(built: Path) -> None:
    page = Page((built / "index.html").read_text(encoding="utf-8"))

    regions = [attributes for _, attributes in page.elements if attributes.get("class") == "scroll"]
    assert len(regions) == len([tag for tag, _ in page.elements if tag == "table"]) > 1
    for attributes in regions:
        assert (attributes["tabindex"], attributes["role"]) == ("0", "region")
        assert attributes["aria-label"]


def test_markdown_escapes_names_and_shows_the_difference(built: Path) -> None:
    text = (built / "comparison.md").read_text(encoding="utf-8")

    assert "<script>" not in text.replace("\\<script>", "")
    assert "80.0 [77.0, 83.0] | 90.0 [86.0, 94.0] | **+10.0** [+5.0, +15.0], combined |" in text


def test_the_csv_has_all_numbers_at_full_precision(built: Path) -> None:
    with open(built / "comparison.csv", encoding="utf-8", newline="") as file:
        first, second, alone = csv.DictReader(file)

    assert (first["run"], first["method"], first["value"], first["difference_to_first"]) == ("a", HOSTILE, "0.8", "")
    assert (second["run"], second["ci_low"], second["difference_interval"]) == ("b", "0.86", "combined")
    assert float(second["difference_to_first"]) == pytest.approx(0.1)
    assert (alone["method"], alone["run"]) == ("kd", "a")


def test_an_earlier_comparison_is_replaced_and_anything_else_is_kept(built: Path, tmp_path: Path) -> None:
    runs = [tmp_path / "a", tmp_path / "b"]
    build_comparison(runs, built)
    (built / "thesis.tex").write_text("years of work")

    with pytest.raises(BadInputError, match=r"holds other files, such as thesis\.tex"):
        build_comparison(runs, built)
    assert (built / "thesis.tex").read_text() == "years of work"


def test_a_comparison_of_three_runs_has_two_columns_of_differences(tmp_path: Path) -> None:
    from robustkd.evaluations import EVALUATIONS
    from robustkd.reporting.differences import Difference
    from robustkd.reporting.side_by_side.content import About, SideBySide

    metric = EVALUATIONS["generalization"]().metric("accuracy")
    numbers = tuple(Number(value) for value in (0.5, 0.6, 0.4))
    line = Line(Who("kd", "student"), numbers, (Difference(0.1, 0.05, 0.15, "paired"), Difference(-0.1)))
    compared = Comparison("generalization", metric, (line,))
    runs = tuple(About(name, name, name, "digits", "today") for name in ("a", "b", "c"))
    table = table_of(SideBySide(runs, (compared,), (), (), (), (), (), (), ()), compared)

    assert [column.title for column in table.columns] == ["a", "b", "c", "b − a", "c − a"]
    ((label, cells),) = table.rows
    assert label == "kd"
    assert [(cell.text, cell.spread, cell.best) for cell in cells[3:]] == [
        ("+10.0", "[+5.0, +15.0], paired", True),
        ("−10.0", "", False),
    ]
