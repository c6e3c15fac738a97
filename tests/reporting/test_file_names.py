import pytest

from robustkd.reporting.file_names import file_name, unique_names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cifar_resnet8, clean", "cifar_resnet8-clean"),
        ("noise 0.4", "noise-0.4"),
        ("../../x", "x"),
        ("/etc/passwd", "etc-passwd"),
        ("a\x00b\nc", "a-b-c"),
        ("naïve", "naive"),
        ("..", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_a_name_keeps_what_is_safe_in_a_path(text: str, expected: str) -> None:
    assert file_name(text) == expected


def test_long_names_are_shortened_and_told_apart() -> None:
    first, second = file_name("a" * 300), file_name("a" * 301)

    assert first != second
    assert len(first) <= 100


def test_names_in_another_script_are_told_apart() -> None:
    first, second = file_name("مرحبا"), file_name("नमस्ते")

    assert first != second
    assert first.isascii()


def test_names_that_differ_in_case_alone_are_numbered() -> None:
    assert unique_names(["a", "A", "b", "a", "a-2"]) == ["a", "A-2", "b", "a-3", "a-2-2"]
