import pytest

from robustkd.reporting.escaping import csv_text, fenced, latex_text, markdown_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at_kd", "at_kd"),
        ("_at_", r"\_at\_"),
        ("a|b", r"a\|b"),
        ("<b>x", r"\<b>x"),
        ("**x** `y`", r"\*\*x\*\* \`y\`"),
        ("[x](http://y)", r"\[x](http://y)"),
        ("by 1.2 points [0.3, 2.1] against", "by 1.2 points [0.3, 2.1] against"),
        ("# a", r"\# a"),
        ("> a", r"\> a"),
        ("+ a", r"\+ a"),
        ("12. a", r"12\. a"),
        ("a # 12. b", "a # 12. b"),
        ("~~a~~", r"\~\~a\~\~"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("R&D", "R&D"),
        ("$x$", r"\$x\$"),
        ("a\nb", r"a\\nb"),
        ("a\u202eb", r"a\\u202eb"),
    ],
)
def test_markdown_shows_a_name_as_it_is(text: str, expected: str) -> None:
    assert markdown_text(text) == expected


def test_latex_shows_a_name_as_it_is() -> None:
    assert latex_text("a_b & 5% #1 {x} $y$ \\z") == r"a\_b \& 5\% \#1 \{x\} \$y\$ \textbackslash{}z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("é", r"\'{e}"),
        ("Å", r"\r{A}"),
        ("ß", r"\ss{}"),
        ("κ ≥ 10⁻³", r"$\kappa$ $\geq$ 10$^{-}$$^{3}$"),
        ("a|b", r"a\textbar{}b"),
        ("a--b", "a-{}-b"),
        ("🤖", "[U+1F916]"),
        ("Ж", "[U+0416]"),
        ("a\u202eb", r"a\textbackslash{}u202eb"),
    ],
)
def test_latex_prints_what_its_plain_fonts_have_and_names_the_rest(text: str, expected: str) -> None:
    assert latex_text(text) == expected


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_a_name_that_begins_like_a_formula_is_text_in_csv(sign: str) -> None:
    assert csv_text(f"{sign}1") == f"'{sign}1"


def test_a_block_of_code_ends_only_at_its_end() -> None:
    assert fenced("a\n```\nb\n").splitlines() == ["````yaml", "a", "```", "b", "````"]
