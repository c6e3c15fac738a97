from robustkd.reporting.interval_bars import Bar, interval_bars
from robustkd.reporting.table import Cell, Column, Table


def table(*cells: Cell) -> Table:
    return Table("t", "Network", (Column("a"),), tuple((str(place), (cell,)) for place, cell in enumerate(cells)))


def number(value: float, low: float, high: float, untrusted: bool = False) -> Cell:
    return Cell("", value=value, low=low, high=high, untrusted=untrusted)


def test_a_column_runs_from_its_lowest_to_its_highest_bound() -> None:
    bars = interval_bars(table(number(10, 0, 20), number(80, 60, 100)))

    assert bars == [[Bar(0.0, 20.0, 10.0, None)], [Bar(60.0, 40.0, 80.0, None)]]


def test_zero_is_drawn_where_the_column_contains_it() -> None:
    ((bar,),) = interval_bars(table(number(2, -1, 3)))

    assert bar == Bar(0.0, 100.0, 75.0, 25.0)


def test_void_and_absent_numbers_have_no_bar_and_no_part_in_the_scale() -> None:
    bars = interval_bars(table(number(1, 0, 2), number(900, 800, 999, untrusted=True), Cell("–")))

    assert bars == [[Bar(0.0, 100.0, 50.0, None)], [None], [None]]


def test_equal_numbers_without_width_have_no_bar() -> None:
    assert interval_bars(table(number(1, 1, 1), number(1, 1, 1))) == [[None], [None]]
