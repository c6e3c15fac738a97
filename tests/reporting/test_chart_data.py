from robustkd.reporting.chart_data import chart_text, compact, data_tables

X = {"field": "value", "type": "quantitative", "title": "Accuracy (%)"}
Y = {"field": "method", "type": "nominal", "title": None}


def dots(values: list[dict[str, object]], x: dict[str, object] = X) -> dict[str, object]:
    return {"data": {"values": values}, "mark": "circle", "encoding": {"x": x, "y": Y}}


def test_numbers_are_rounded_to_five_digits_and_fields_that_nothing_refers_to_are_dropped() -> None:
    small = compact(dots([{"method": "at", "value": 43.066666666, "n": 1000}]))

    assert small["data"]["values"] == [{"method": "at", "value": 43.067}]


def test_a_field_that_only_a_transformation_refers_to_stays() -> None:
    chart = dots([{"method": "at", "value": 1.0, "own": True}]) | {"transform": [{"filter": "datum.own"}]}

    assert compact(chart)["data"]["values"][0]["own"] is True


def test_the_values_of_a_scale_are_no_data() -> None:
    chart = dots([{"method": "at", "value": 1.0}], X | {"axis": {"values": [0.123456789, 1]}})

    assert compact(chart)["encoding"]["x"]["axis"]["values"] == [0.123456789, 1]


def test_the_layers_of_a_view_are_one_table_of_distinct_rows() -> None:
    mean, network = {"method": "at", "value": 2.0}, {"method": "at", "value": 3.0}
    chart = {"layer": [dots([mean]), dots([mean, network])]}

    (table,) = data_tables("ood", chart)

    assert (table.name, table.title, table.corner) == ("ood-data-1", "Accuracy (%)", "method")
    assert [column.title for column in table.columns] == ["Accuracy (%)"]
    assert [(label, cells[0].text) for label, cells in table.rows] == [("at", "2"), ("at", "3")]


def test_charts_beside_each_other_have_a_table_each() -> None:
    other = {"field": "value", "type": "quantitative", "title": "NLL (nats)"}
    rows = [{"method": "at", "value": -1.5}]

    tables = data_tables("ood", {"vconcat": [dots(rows), dots(rows, other)]})

    assert [table.title for table in tables] == ["Accuracy (%)", "NLL (nats)"]
    assert tables[1].rows[0][1][0].text == "−1.5"


def test_a_facet_shows_the_data_around_it() -> None:
    inner = {"mark": "line", "encoding": {"x": X, "y": Y}}
    chart = {
        "facet": {"field": "part"},
        "data": {"values": [{"part": "fog", "method": "at", "value": 1.5}]},
        "spec": inner,
    }

    (table,) = data_tables("corruption", chart)

    assert [(label, [cell.text for cell in cells]) for label, cells in table.rows] == [("fog", ["at", "1.5"])]


def test_what_is_not_a_number_is_a_dash() -> None:
    (table,) = data_tables("ood", dots([{"method": "at", "value": None}, {"method": "kd", "value": 1.0}]))

    assert [cells[0].text for _, cells in table.rows] == ["–", "1"]


def test_a_chart_that_only_holds_a_text_has_no_table() -> None:
    assert data_tables("ood", {"data": {"values": [{}]}, "mark": {"type": "text", "text": "nothing to draw"}}) == []


def test_a_chart_is_described_by_its_axes() -> None:
    line = {"data": {"values": []}, "mark": "line", "encoding": {"x": X, "y": {"field": "risk", "title": "Risk (%)"}}}

    assert chart_text("Selective prediction", line) == "Chart: Selective prediction: Risk (%) by Accuracy (%)."
    assert chart_text("Nothing", {"mark": "text"}) == "Chart: Nothing."
