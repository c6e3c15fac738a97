import re
from typing import Any

import altair as alt
import pytest

from robustkd.reporting.drawing import below_each_other, printable_chart, to_pdf, to_svg
from robustkd.reporting.publication import publication_svg


def chart(width: Any = 520) -> dict[str, Any]:
    values = [{"x": index, "y": index, "who": name} for index in range(5) for name in ("one", "another")]
    return {
        "data": {"values": values},
        "mark": "line",
        "width": width,
        "height": 200,
        "encoding": {
            "x": {"field": "x", "type": "quantitative"},
            "y": {"field": "y", "type": "quantitative"},
            "color": {"field": "who", "type": "nominal"},
        },
    }


def bold_and_regular(svg: str) -> bool:
    return 'font-weight="bold"' in svg and "<text" in svg


def test_a_pdf_is_the_same_each_time_although_its_fonts_come_in_any_order() -> None:
    svg = to_svg(chart(), "a")
    assert bold_and_regular(svg)  # two fonts, whose order would vary

    assert len({to_pdf(svg) for _ in range(8)}) == 1


def test_the_table_of_a_pdf_points_to_its_objects() -> None:
    pdf = to_pdf(to_svg(chart(), "a"))

    table = int(re.search(rb"startxref\n(\d+)", pdf)[1])  # type: ignore[index]
    assert pdf[table:].startswith(b"xref\n")
    places = re.findall(rb"(\d{10}) 00000 n", pdf[table:])
    for number, place in enumerate(map(int, places), 1):
        assert pdf[place:].startswith(b"%d 0 obj" % number)
    root = int(re.search(rb"/Root (\d+) 0 R", pdf[table:])[1])  # type: ignore[index]
    assert b"/Type /Catalog" in pdf[int(places[root - 1]) :].split(b"endobj")[0]


@pytest.mark.parametrize("millimetres", [85.0, 178.0])
@pytest.mark.parametrize("width", [520, 1500, None])
def test_a_figure_fits_a_column_with_type_of_seven_points(width: Any, millimetres: float) -> None:
    specification = {key: value for key, value in chart(width).items() if value is not None}

    svg = publication_svg(specification, "a", millimetres)

    wide = float(re.search(r'<svg[^>]*? width="([0-9.]+)"', svg)[1])  # type: ignore[index]
    drawn = float(re.search(r'viewBox="0 0 ([0-9.]+)', svg)[1])  # type: ignore[index]
    smallest = min(float(size) for size in re.findall(r'font-size="([0-9.]+)px"', svg))
    column = millimetres / 25.4 * 72
    assert wide <= column + 0.01
    assert wide >= 0.95 * column or width is None  # such a view is 300 points wide at most
    assert smallest * wide / drawn >= 7


def test_a_figure_has_a_white_background() -> None:
    assert re.search(r'<rect [^>]*fill="white"', publication_svg(chart(), "a", 85.0))


@pytest.mark.parametrize("name", ["a\x00b", "a\x1bb", "a\u202eb", "🤖" * 100, "é🤖" * 60, "مرحبا" * 60, "<b>&\n]]>"])
def test_a_chart_with_any_name_is_drawn(name: str) -> None:
    axis = {"field": "who", "type": "nominal", "axis": {"labelLimit": 240}}
    values = {"values": [{"who": name, "x": 1}]}
    specification = {
        "data": values,
        "mark": "bar",
        "encoding": {"y": axis, "x": {"field": "x", "type": "quantitative"}},
    }

    svg = to_svg(printable_chart(specification), "a")

    assert svg.startswith("<svg")
    assert not set("\x00\x1b\u202e") & set(svg)


def test_charts_below_each_other_are_those_of_altair() -> None:
    rows = alt.Data(values=[{"x": 1, "y": 2}])
    point = alt.selection_point()
    one = alt.Chart(rows).mark_point().encode(x="x:Q", y="y:Q").properties(title="one")
    others = alt.Data(values=[{"x": 2, "y": 1}])  # altair would share the same rows
    another = alt.layer(alt.Chart(others).mark_line().add_params(point).encode(x="x:Q", y="y:Q"), title="another")

    stacked = below_each_other([one.to_dict(), another.to_dict()])

    expected = alt.vconcat(one, another).to_dict()
    assert stacked.keys() == expected.keys()
    assert [each["name"] for each in stacked["params"]] == [each["name"] for each in expected["params"]]
    alt.VConcatChart.from_dict(stacked, validate=True)
    names = re.compile(r'id="[^"]*"|url\([^)]*\)|view_\w+')  # counted on by altair
    assert names.sub("", to_svg(stacked, "a")) == names.sub("", to_svg(expected, "a"))
