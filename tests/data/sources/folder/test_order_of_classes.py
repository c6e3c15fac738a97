from typing import TYPE_CHECKING

import pytest

from robustkd.data import Dataset, load_dataset

if TYPE_CHECKING:
    from tests.data.sources.folder.conftest import Album

NATURAL = tuple(map(str, range(12)))
BY_NAME = ("0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9")


def load(album: "Album", options: str = "") -> Dataset:
    return load_dataset(f"folder:{album.path}{options}")


@pytest.fixture
def numbers(album: "Album") -> "Album":
    return album.add(*(f"{name}/0.png" for name in NATURAL))


def test_classes_that_are_numbers_keep_their_numbers(numbers: "Album") -> None:
    dataset = load(numbers)

    assert dataset.test.class_names == NATURAL
    assert dataset.remarks == (
        "classes are numbered in natural order: 0, 1, 2, 3, 4, …; torchvision's ImageFolder numbers them 0, 1, 10, 11, "
        "2, …: if the networks were trained so, add @order=name to the path",
    )


def test_they_are_numbered_by_name_on_request(numbers: "Album") -> None:
    dataset = load(numbers, "@order=name")

    assert dataset.test.class_names == BY_NAME
    assert dataset.remarks[0].startswith("classes are numbered by name: 0, 1, 10, 11, 2, …; timm's ImageFolder")


def test_the_order_changes_the_digest(numbers: "Album") -> None:
    assert load(numbers).digest != load(numbers, "@order=name").digest


def test_other_names_stay_in_the_order_of_names(album: "Album") -> None:
    album.add("c1/0.png", "c2/0.png", "c10/0.png")

    assert load(album).test.class_names == ("c1", "c10", "c2")
    assert load(album, "@order=natural").test.class_names == ("c1", "c2", "c10")
    assert "@order=natural" in load(album).remarks[0]


@pytest.mark.parametrize("names", [("0", "1", "9"), ("00", "01", "10"), ("a", "b"), ("A", "B"), ("7",)])
def test_nothing_is_said_where_both_orders_agree(album: "Album", names: tuple[str, ...]) -> None:
    dataset = load(album.add(*(f"{name}/0.png" for name in names)))

    assert (dataset.test.class_names, dataset.remarks) == (names, ())


def test_the_natural_order_is_that_of_timm(album: "Album") -> None:
    from timm.utils.misc import natural_key

    names = ("b2", "B10", "a", "A1", "10", "9", "x1y20", "x1y3")
    album.add(*(f"{name}/0.png" for name in names))

    assert load(album, "@order=natural").test.class_names == tuple(sorted(names, key=natural_key))
