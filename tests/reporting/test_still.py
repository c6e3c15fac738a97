import pytest

from robustkd.reporting.still import still


def svg(inner: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">{inner}</svg>'


def test_descriptions_of_marks_and_what_is_not_displayed_go() -> None:
    drawn = still(svg('<g role="graphics-object" aria-label="a"><path d="M0,1" display="none"/><path d="M2,3"/></g>'))

    assert drawn == svg('<g><path d="M2,3" /></g>')


def test_coordinates_are_rounded_and_texts_are_not() -> None:
    drawn = still(svg('<path d="M1.23456,-0.98765" fill="#fff"/><text x="0.33333">0.12345 &lt;b></text>'))

    assert drawn == svg('<path d="M1.23,-0.99" fill="#fff" /><text x="0.33">0.12345 &lt;b&gt;</text>')


@pytest.mark.parametrize("name", ["a\x08b", "a\x00b"])
def test_characters_that_no_svg_may_hold_go(name: str) -> None:
    assert still(svg(f"<text>{name}</text>")) == svg("<text>ab</text>")


def test_without_a_drawing_there_is_none() -> None:
    assert still("") == ""
