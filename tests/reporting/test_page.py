import base64
import gzip
import json
import re
from dataclasses import replace

import pytest

from robustkd.reporting.drawing import vega_lite_version
from robustkd.reporting.page import render
from robustkd.reporting.report import Report
from robustkd.reporting.statement.content import Statement
from robustkd.reporting.table import Cell, to_csv, to_latex, to_markdown

from .constructed import ANSWER, FURTHER, HOSTILE, number, picture, report, scoreboard, section, statement
from .reading import Element, Page


def html(shown: Report, **values: int) -> str:
    return render(shown, "index.html.j2", vega_lite_version=vega_lite_version(), **values)


def page_of(shown: Report, **values: int) -> Page:
    return Page(html(shown, **values))


def unpacked(element: Element) -> str:
    return gzip.decompress(base64.b64decode(element.text)).decode()


@pytest.fixture(scope="module")
def page() -> Page:
    return page_of(report())


def test_the_statement_comes_first_then_the_scoreboard_the_checks_the_sections_and_the_provenance(page: Page) -> None:
    parts = [each.attributes["id"] for each in page.all("section")]

    assert parts == ["statement", "scoreboard", "checks", "generalization", "fidelity", "label_noise", "how-obtained"]


def test_without_a_statement_the_page_begins_with_the_scoreboard() -> None:
    page = page_of(report(statement=Statement((), ())))

    assert page.all("section")[0].attributes["id"] == "scoreboard"
    assert not page.all("a", href="#statement")


def test_no_sentence_stands_twice(page: Page) -> None:
    text = page.one("body").words

    for sentence in (ANSWER, FURTHER, "Verdict on number 0.", "Agreement of 80.0%.", "Few seeds were trained."):
        assert text.count(sentence) == 1
    assert text.count("How accurate is each network?") == 1


def test_a_section_opens_with_the_question_and_the_answer_and_closes_with_how_to_read_it(page: Page) -> None:
    text = page.one("section", id="generalization").words

    found = [text.index(each) for each in (ANSWER, FURTHER, "Measured on the images", "Look at Generalization.")]
    assert text.startswith("Generalization")
    assert 0 < text.index("How accurate is each network?") < found[0]
    assert found == sorted(found)


def test_hostile_names_are_text_in_elements_and_in_attributes(page: Page) -> None:
    plain = " ".join(HOSTILE.split())

    assert plain in page.one("h1").words
    assert plain in [each.words for each in page.all("span", of="name")]
    assert HOSTILE in [each.attributes["title"] for each in page.all("span", of="name")]
    assert not [each for each in page.all("script") if "alert(" in each.text]
    assert not page.all("b")


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    named = [value for each in page.elements for key, value in each.attributes.items() if key in ("src", "href")]
    styles = "".join(each.text for each in page.all("style"))

    assert [value for value in named if not value.startswith(("#", "data:"))] == []
    assert "url(" not in styles
    assert "@import" not in styles


def test_every_link_has_its_place_and_no_place_is_named_twice(page: Page) -> None:
    places = [each.attributes["id"] for each in page.elements if "id" in each.attributes]

    assert len(places) == len(set(places))
    assert {each.attributes["href"] for each in page.all("a")} <= {f"#{place}" for place in places}


def test_every_finding_has_a_link_to_itself(page: Page) -> None:
    findings = [each for each in page.elements if "finding" in each.attributes.get("class", "").split()]

    linked = {each.attributes["href"][1:] for each in page.all("a", of="anchor")}
    assert len(findings) == 4 + 4  # lines of the statement, sentences of the sections
    answers = {each.attributes["id"] for each in findings if each.tag != "span"}
    assert answers <= linked


def test_a_line_says_its_direction_in_words_and_only_if_the_difference_is_significant(page: Page) -> None:
    signs = {each.words for each in page.all("span", of="sign")}

    assert signs == {"▲ higher", "▼ lower"}  # a line without a significant difference says so in its text
    (unmeasured,) = (each for each in page.all("li", of="finding") if "Calibration was not measured." in each.text)
    assert not page.inside(unmeasured, "span")


def test_a_line_links_to_the_section_of_its_evaluation_if_there_is_one(page: Page) -> None:
    evidence = [each.attributes["href"] for each in page.all("a", of="evidence")]

    assert evidence == ["#fidelity", "#fidelity", "#generalization"]


def test_more_than_two_students_are_folded_but_the_first() -> None:
    page = page_of(report(statement=statement(students=3, part="ResNet-8, 40% noise")))
    folds = page.all("details", of="student")

    assert ["open" in each.attributes for each in folds] == [True, False, False]
    assert "2 retained · ✗ 1 lost · ⇢ 0 inherited · ? 1 not known" in folds[1].words
    assert page.one("h3", of="of-part").words == "ResNet-8, 40% noise"


def test_two_students_are_not_folded() -> None:
    assert not page_of(report(statement=statement(students=2))).all("details", of="student")


def test_the_scoreboard_groups_columns_by_question_and_links_to_it(page: Page) -> None:
    groups = page.all("th", scope="colgroup")

    assert [(each.words, each.attributes["colspan"]) for each in groups] == [("Generalization", "2"), ("Fidelity", "1")]
    assert [each.attributes["href"] for each in page.inside(groups[0], "a")] == ["#generalization"]


def cell_texts(page: Page, row: int) -> list[str]:
    board = page.one("section", id="scoreboard")
    (body,) = page.inside(board, "tbody")
    line = page.inside(body, "tr")[row]
    return [each.words for each in page.inside(line, "td")]


def test_a_cell_has_its_spread_and_its_seeds_and_says_below_the_baseline_in_words(page: Page) -> None:
    assert cell_texts(page, 0) == ["61.0", "–", "–"]
    assert cell_texts(page, 3) == ["48.0 ± 1.0 (3) ▼worse than the baseline", "−4.5 [−6.5, −2.5] (3)", "9.0 (3)"]


def test_a_void_number_is_struck_out_and_has_no_bar(page: Page) -> None:
    (struck,) = page.all("s")

    assert struck.words == "9.0"
    assert "below" not in struck.parents[-1].attributes.get("class", "")
    assert not page.inside(struck.parents[-1], "i")


def test_a_number_below_the_baseline_is_not_marked_as_the_best() -> None:
    table = scoreboard()
    both = number(50.0, best=True, below_baseline=True)
    table = replace(table, rows=(("a", (both, Cell("–"), Cell("–"))),))

    page = page_of(report(summaries=(table,)))

    assert "▼" in cell_texts(page, 0)[0]
    assert not page.inside(page.one("section", id="scoreboard"), "strong")


def test_a_section_without_an_answer_is_one_line(page: Page) -> None:
    unanswered = page.one("section", id="label_noise")
    outer = page.inside(unanswered, "details")[0]

    assert "open" not in outer.attributes
    assert page.inside(outer, "summary")[0].words.startswith("Label noise No label is wrong.")
    assert outer.words == unanswered.words


def test_what_failed_is_marked_in_the_contents_and_named(page: Page) -> None:
    (contents,) = page.all("nav")
    marked = [each.words for each in page.inside(contents, "li") if "⚠" in each.text]

    assert [each.split("⚠")[0].strip() for each in marked] == ["Validity checks", "Generalization"]
    checks = page.one("section", id="checks").words
    assert "1 of 2 validity checks failed: better than chance, at_2-1: at_2-1 is right on 10.0% of the images" in checks
    assert "better than chance: failed for 1 of 1 (at_2-1)" in checks
    assert "better than chance (at_2-1)" in page.one("section", id="generalization").words


def test_results_that_cannot_be_read_and_missing_networks_are_named() -> None:
    shown = report(damaged={"ood": "half a file"})
    shown = replace(shown, provenance={**shown.provenance, "missing": {"crd-0": "out of memory"}})

    text = page_of(shown).one("section", id="checks").words

    assert "The results of ood cannot be read: half a file." in text
    assert "1 network of this study is missing: crd-0: out of memory" in text


def test_a_long_table_is_folded(page: Page) -> None:
    fidelity = page.one("section", id="fidelity")
    (long,) = (each for each in page.inside(fidelity, "details") if "long" in each.attributes.get("class", ""))

    assert "open" not in long.attributes
    assert page.inside(long, "summary")[0].words == "Table (10 rows)"


def test_many_findings_are_folded_after_the_eighth() -> None:
    sentences = tuple(f"Finding number {place}." for place in range(12))
    page = page_of(report(sections=(section("fidelity", "Fidelity", "Does it?", sentences=sentences),)))

    (folded,) = (each for each in page.all("details") if "4 more findings" in each.words)
    assert "Finding number 8." in folded.words
    assert "Finding number 7." not in folded.words


def test_what_a_table_is_copied_as_is_what_its_files_hold(page: Page) -> None:
    texts = json.loads(unpacked(page.all("script", of="texts")[0]))

    table = scoreboard()
    assert texts == {"latex": to_latex(table), "csv": to_csv(table), "markdown": to_markdown(table)}


def test_a_chart_has_a_text_its_drawing_and_its_data(page: Page) -> None:
    figure = page.one("figure", id="chart-generalization")
    still = next(each for each in page.inside(figure, "div") if each.attributes.get("role") == "img")
    texts = [
        json.loads(unpacked(each)) for each in page.inside(figure, "script") if each.attributes["class"] == "texts"
    ]

    assert still.attributes["aria-label"] == "Chart: Generalization: Generalization (%)."
    assert [each.tag for each in page.inside(still, "svg")] == ["svg"]
    assert texts[0]["head"] == ["method", "Generalization (%)"]
    assert texts[0]["rows"][1] == ["baseline", "52.623"]


def test_pictures_beyond_the_budget_are_shown_from_their_files() -> None:
    (inside,) = page_of(report()).all("img")
    (outside,) = page_of(report(), picture_bytes=10).all("img")

    assert inside.attributes["src"].startswith("data:image/png;base64,")
    assert (inside.attributes["width"], inside.attributes["height"]) == ("96", "96")
    assert outside.attributes["src"] == "figures/fidelity-first.png"
    assert {inside.attributes["loading"], outside.attributes["loading"]} == {"lazy"}


def test_a_long_picture_is_folded() -> None:
    shown = report(sections=(section("fidelity", "Fidelity", "Does it?", pictures=(picture(rows=9),)),))

    assert "The first images" in [each.words for each in page_of(shown).all("summary")]


def test_the_page_is_the_same_every_time() -> None:
    assert html(report()) == html(report())


def test_the_markdown_has_the_same_order() -> None:
    text = render(report(), "report.md.j2")

    heads = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert heads == [
        "Distillation statement",
        "Scoreboard",
        "Validity checks",
        "Generalization",
        "Fidelity",
        "Label noise",
        "Provenance",
    ]
    assert text.count("at_2 classifies 48.0% of the test images correctly") == 1
