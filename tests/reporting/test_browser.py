"""The page in Chromium: what scripts do, what a keyboard reaches, what a screen reader hears, what a printer gets."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from robustkd.reporting.drawing import vega_lite_version
from robustkd.reporting.page import render
from robustkd.reporting.side_by_side import build_comparison
from robustkd.reporting.table import to_latex

from .constructed import ANSWER, HOSTILE, report, scoreboard, statement
from .constructed_runs import method, write_run

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (the extra `test`)")
axe_core = pytest.importorskip("axe_core_python.base", reason="needs axe-core-python (the extra `test`)")

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")

SCREENS = [(360, "light"), (768, "dark"), (1440, "light"), (1440, "dark")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    page = tmp_path_factory.mktemp("page") / "index.html"
    shown = report(statement=statement(students=3))
    page.write_text(render(shown, "index.html.j2", vega_lite_version=vega_lite_version()), encoding="utf-8")
    return page.as_uri()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    page = chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    page.goto(address)
    yield page
    page.close()


def scrolled(page: Any) -> None:
    """Bring every chart into view, and wait until it is drawn."""
    for figure in page.locator("figure.chart").all():
        if figure.is_visible():
            figure.scroll_into_view_if_needed()
            figure.locator(".alive").wait_for(state="attached")


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_chart_is_drawn_offline_without_an_error_and_fits(
    chromium: Any, address: str, width: int, scheme: str
) -> None:
    requests, errors = [], []
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(address)
    scrolled(page)

    assert errors == []
    assert [url for url in requests if not url.startswith("data:")] == [address]
    assert page.locator(".alive").count() == 2  # the third is folded
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for box in [each.bounding_box() for each in page.locator(".living svg").all()]:
        assert box["width"] > 0.7 * min(page.locator("figure .drawing").first.bounding_box()["width"], 860)
    page.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_no_violation(chromium: Any, address: str, width: int, scheme: str) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce")
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    scrolled(page)

    assert violations(page) == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_axe_finds_no_violation_in_a_comparison(chromium: Any, tmp_path: Path, width: int, scheme: str) -> None:
    rows = [method(HOSTILE, "accuracy", 0.8, 0.77, 0.83), method("kd", "accuracy", 0.7, 0.6, 0.8)]
    runs = [write_run(tmp_path / name, rows[:count]) for name, count in (("first_of_three", 2), ("b", 1), ("c", 2))]
    page = chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)

    page.goto(build_comparison(runs, tmp_path / "comparison").as_uri())

    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def violations(page: Any) -> list[tuple[str, list[str]]]:
    page.evaluate((Path(axe_core.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [(each["id"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found["violations"]]


def first_column(page: Any) -> list[str]:
    return [text.strip()[:8] for text in page.locator("#scoreboard tbody th").all_text_contents()]


def test_the_scoreboard_is_sorted_by_keyboard_with_absent_numbers_last(page: Any) -> None:
    head = page.locator("#scoreboard thead button", has_text="Agreement")

    head.focus()
    page.keyboard.press("Enter")
    descending = first_column(page)
    sorting = page.locator("#scoreboard th[aria-sort]").get_attribute("aria-sort")
    page.keyboard.press("Space")

    assert (descending, sorting) == ([HOSTILE[:8], "baseline", "at_2", "teacher"], "descending")
    assert first_column(page) == ["at_2", "baseline", HOSTILE[:8], "teacher"]
    assert page.locator("#scoreboard th[aria-sort]").get_attribute("aria-sort") == "ascending"


def test_columns_can_be_hidden_with_the_head_of_their_group(page: Any) -> None:
    page.get_by_text("Choose columns").click()
    page.get_by_label("Agreement").uncheck()
    page.get_by_label("Accuracy against baseline").uncheck()

    heads = page.locator("#scoreboard thead th:visible").all_text_contents()
    assert [head.split()[0] for head in heads] == ["Generalization", "Network", "Accuracy"]
    assert page.locator("#scoreboard tbody tr").first.locator("td:visible").count() == 1


def test_a_table_is_copied_as_its_file_has_it(chromium: Any, address: str) -> None:
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(address)

    page.get_by_role("button", name="Copy the table summary as LaTeX").click()
    page.locator("#scoreboard [role=status]", has_text="copied").wait_for()

    assert page.evaluate("navigator.clipboard.readText()") == to_latex(scoreboard())
    context.close()


def test_the_data_of_a_chart_are_a_table_once_it_is_opened(page: Any) -> None:
    page.locator("#fidelity").get_by_text("Data of the chart").press("Enter")
    table = page.get_by_role("table", name="Data of the chart")
    table.wait_for()

    assert table.locator("tbody tr").count() == 4
    assert table.locator("tbody tr").nth(1).all_text_contents() == ["baseline52.623"]


def test_a_search_by_keyboard_opens_what_is_folded(page: Any) -> None:
    page.keyboard.press("/")
    page.keyboard.type("fidelity network 7")
    count = page.locator("#search-count").text_content()
    page.keyboard.press("Enter")

    row = page.locator("#fidelity tbody tr", has_text="Fidelity network 7")
    assert count == "1 place found"
    assert row.is_visible()
    assert row.evaluate("(row) => row === document.activeElement")


def test_a_search_finds_a_finding_and_says_where_nothing_is(page: Any) -> None:
    page.locator("#search").fill("at_2 classifies")
    found = page.locator("#search-results a").all_text_contents()
    page.locator("#search").fill("zzz")

    assert found == [ANSWER + "Generalization"]
    assert page.locator("#search-count").text_content() == "No places found"
    assert page.locator("#search-results a").count() == 0


def test_a_link_to_a_folded_finding_opens_it(chromium: Any, address: str) -> None:
    page = chromium.new_page()
    page.goto(address + "#statement-3-lost-1")

    assert page.locator("#statement-3-lost-1").is_visible()
    assert not page.locator("#statement-2-lost-1").is_visible()
    page.close()


def test_the_first_key_press_leads_past_the_contents(page: Any) -> None:
    page.keyboard.press("Tab")
    skipping = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")

    assert skipping == "Skip to the content"
    assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize(("width", "is_open"), [(1440, True), (360, False)])
def test_the_contents_are_folded_on_a_phone(chromium: Any, address: str, width: int, is_open: bool) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.goto(address)

    assert page.locator("nav.contents .parts").is_visible() == is_open
    page.close()


def test_nothing_moves_while_the_page_loads_and_is_read(chromium: Any, address: str) -> None:
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(
        "window.shifts = []; new PerformanceObserver((list) => list.getEntries().forEach((each) => "
        "window.shifts.push(each.value))).observe({ type: 'layout-shift', buffered: true });"
    )
    page.goto(address)
    scrolled(page)

    assert sum(page.evaluate("window.shifts")) < 0.1  # what web.dev calls good
    page.close()


def test_on_paper_the_statement_and_the_scoreboard_fill_the_first_page(page: Any) -> None:
    scrolled(page)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1032})  # A4 less 12 mm on each side, at 96 dots an inch

    bottom = page.locator("#scoreboard").bounding_box()
    assert bottom["y"] + bottom["height"] < 1032
    assert not page.locator("nav.contents").is_visible()
    assert not page.locator(".living").first.is_visible()
    assert page.locator(".still").first.is_visible()
    box = page.locator("#scoreboard table").bounding_box()
    assert box["x"] + box["width"] <= 703


def test_a_page_of_drawings_works_without_an_error(chromium: Any, tmp_path: Path) -> None:
    file, errors = tmp_path / "index.html", []
    shown = render(report(), "index.html.j2", vega_lite_version=vega_lite_version(), interactive=False)
    file.write_text(shown, encoding="utf-8")
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(file.as_uri())
    page.locator("figure.chart .still").first.scroll_into_view_if_needed()

    assert errors == []
    assert page.locator("figure.chart .still svg").first.is_visible()
    assert page.locator(".alive").count() == 0
    page.close()
