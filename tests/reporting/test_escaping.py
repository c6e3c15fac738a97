import pytest

from robustkd.reporting.escaping import latex_text, markdown_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at_kd", "at_kd"),
        ("_at_", r"\_at\_"),
        ("a|b", r"a\|b"),
        ("<b>x", r"\<b>x"),
        ("**x** `y`", r"\*\*x\*\* \`y\`"),
        ("[x](http://y)", r"\[x](http://y)"),
        ("+1.2 points [0.3, 2.1] against", "+1.2 points [0.3, 2.1] against"),
    ],
)
def test_markdown_shows_a_name_as_it_is(text: str, expected: str) -> None:
    assert markdown_text(text) == expected


def test_latex_shows_a_name_as_it_is() -> None:
    assert latex_text("a_b & 5% #1 {x} $y$ \\z") == r"a\_b \& 5\% \#1 \{x\} \$y\$ \textbackslash{}z"
