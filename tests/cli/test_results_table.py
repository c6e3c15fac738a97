from hypothesis import given
from hypothesis import strategies as st

from robustkd.cli.results_table import FRAME, columns_that_fit, failed_checks
from robustkd.results.records import Check


def test_a_table_that_fits_is_left_whole() -> None:
    assert columns_that_fit([["Network", "Accuracy (%) ↑"], ["at", "94.0"]], 80) == [[0, 1]]


def test_a_table_too_wide_is_divided_and_each_part_names_the_rows() -> None:
    heads = ["Network", "Accuracy", "Agreement", "Memorised"]

    # 7, 8 and 9 letters with 3 around each, and the last border: 34
    assert columns_that_fit([heads, ["at", "94.0", "93.0", "1.0"]], 34) == [[0, 1, 2], [0, 3]]
    assert columns_that_fit([heads, ["at", "94.0", "93.0", "1.0"]], 33) == [[0, 1], [0, 2], [0, 3]]


@given(st.lists(st.text("abc", min_size=1, max_size=30), min_size=2, max_size=8), st.integers(1, 100))
def test_no_column_is_lost_and_none_is_cut_but_one_that_fits_on_no_line(heads: list[str], width: int) -> None:
    tables = columns_that_fit([heads, ["x"] * len(heads)], width)

    assert [column for columns in tables for column in columns[1:]] == list(range(1, len(heads)))
    for columns in tables:
        assert columns[0] == 0
        assert len(columns) == 2 or 1 + sum(FRAME + len(heads[column]) for column in columns) <= width


def test_failed_checks_are_named_with_their_networks_a_line_for_each_kind() -> None:
    failed = [
        Check("better than chance", False, "at is right on 5 of 50 images", "at"),
        *(Check("same logits in every pass", False, "differs", f"sp-{seed}") for seed in range(2)),
        *(
            Check("first attack nearly as strong as all attacks together", False, "much", f"kd-{seed}")
            for seed in range(5)
        ),
    ]

    assert failed_checks(failed) == [
        "better than chance (at): at is right on 5 of 50 images",
        "same logits in every pass (sp-0, sp-1)",
        "first attack nearly as strong as all attacks together (5 networks)",
    ]
