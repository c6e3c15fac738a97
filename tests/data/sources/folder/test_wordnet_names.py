"""WordNet identifiers get human names, and are still found by them."""

from typing import TYPE_CHECKING

import pytest

from robustkd.data import load_dataset
from robustkd.models.class_map import parse_classes

if TYPE_CHECKING:
    from tests.data.sources.folder.conftest import Album

TENCH, SPRINGER = "n01440764", "n02102040"


def names(album: "Album") -> tuple[str, ...]:
    return load_dataset(f"folder:{album.path}").test.class_names


def test_folders_of_imagenet_are_called_by_the_first_synonym(album: "Album") -> None:
    album.add(f"val/{SPRINGER}/0.png", f"val/{TENCH}/0.png", f"train/{SPRINGER}/0.png", f"train/{TENCH}/0.png")

    assert names(album) == ("tench (n01440764)", "English springer (n02102040)")
    assert parse_classes("imagenet", names(album)) == [0, 217]


@pytest.mark.parametrize(
    ("file", "line"), [("words.txt", "n01440764\tTinca, fish"), ("LOC_synset_mapping.txt", "n01440764 Tinca, fish")]
)
def test_a_list_beside_the_folders_comes_first(album: "Album", file: str, line: str) -> None:
    album.add(f"{TENCH}/0.png").write(file, line + "\n")

    assert names(album) == ("Tinca (n01440764)",)


def test_an_identifier_without_a_name_and_other_names_stay(album: "Album") -> None:
    assert names(album.add("n99999999/0.png", f"{TENCH}/0.png")) == ("tench (n01440764)", "n99999999")
    assert names(album.add("dog/0.png")) == ("dog", TENCH, "n99999999")
