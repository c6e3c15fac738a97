from robustkd.reporting.table import Cell, Column, Table, to_csv, to_latex, to_markdown, to_text

TABLE = Table(
    "accuracy",
    "Network",
    (Column("Accuracy", "%", "↑"), Column("Gain", "points")),
    (
        ("base_line", (Cell("94.0", "± 0.2"), Cell("–"))),
        ("a|t", (Cell("94.3", "± 0.1", best=True), Cell("−0.3", "[−0.5, −0.1]", below_baseline=True))),
    ),
)


def test_markdown_marks_the_best_and_what_is_below_the_baseline() -> None:
    assert to_markdown(TABLE) == (
        "| Network | Accuracy (%) ↑ | Gain (points) |\n"
        "|---|--:|--:|\n"
        "| base_line | 94.0 ± 0.2 | – |\n"
        "| a\\|t | **94.3** ± 0.1 | −0.3 [−0.5, −0.1] ▼ |\n"
    )


def test_latex_escapes_names_and_uses_booktabs() -> None:
    lines = to_latex(TABLE).split("\n")

    assert lines[1] == "\\begin{tabular}{lrr}"
    assert lines[3] == "Network & Accuracy (\\%) & Gain (points) \\\\"
    assert lines[5] == "base\\_line & 94.0 $\\pm$ 0.2 & -- \\\\"
    assert lines[6].startswith(
        "a\\textbar{}t & \\textbf{94.3} $\\pm$ 0.1 & $-$0.3 [$-$0.5, $-$0.1] $\\blacktriangledown$"
    )


def test_csv_can_be_read_by_a_spreadsheet() -> None:
    assert to_csv(TABLE).split("\n")[1:3] == ["base_line,94.0 ± 0.2,–", 'a|t,94.3 ± 0.1,"−0.3 [−0.5, −0.1]"']


def test_a_terminal_gets_the_bare_numbers() -> None:
    assert to_text(TABLE)[2] == ["a|t", "94.3", "−0.3 ▼"]


def test_a_number_whose_check_failed_is_struck_out() -> None:
    table = Table("t", "n", (Column("a"),), (("x", (Cell("9.0", untrusted=True),)),))

    assert "~~9.0~~" in to_markdown(table)


def test_a_number_whose_check_failed_does_not_stand_where_it_cannot_be_struck_out() -> None:
    table = Table("t", "n", (Column("a"),), (("x", (Cell("9.0", "± 0.1", best=True, untrusted=True),)),))

    for text in (to_csv(table), to_latex(table), str(to_text(table))):
        assert "9.0" not in text
        assert "0.1" not in text
        assert "void" in text
