"""Networks of many classes on data that has some of them."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from robustkd.data import load_dataset
from robustkd.errors import BadInputError, ModelError
from robustkd.models import PixelModel
from robustkd.models.class_map import parse_classes, read_class_map, restrict

NAMES = ("n02102040", "n01440764", "n02979186")


def of(outputs: int) -> PixelModel:
    torch.manual_seed(0)
    return PixelModel(nn.Sequential(nn.Flatten(), nn.Linear(64, outputs)))


def test_indices_are_taken_as_they_are() -> None:
    assert parse_classes("207, 0,482", NAMES) == [207, 0, 482]


def test_wordnet_identifiers_are_looked_up() -> None:
    """English springer, tench and cassette player of ImageNet's list, which is sorted by identifier."""
    assert parse_classes("imagenet", NAMES) == [217, 0, 482]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2", "has 2 indices, the data 3 classes"),
        ("1,2,2", "each must be there once"),
        ("-1,0,1", "must not be negative"),
        ("a,b,c", "must be indices of outputs, as in 207,281, or imagenet"),
    ],
)
def test_indices_that_do_not_fit_are_refused(text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        parse_classes(text, NAMES)


def test_a_class_that_is_not_of_imagenet_is_named() -> None:
    with pytest.raises(BadInputError, match="'dog' is no WordNet identifier"):
        parse_classes("imagenet", ("n02102040", "dog"))


@pytest.mark.parametrize("content", [[217, 0, 482], {"n02979186": 482, "n02102040": 217, "n01440764": 0, "more": 5}])
def test_a_file_has_a_list_or_names(content: object, tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps(content))

    assert read_class_map(tmp_path / "map.json", NAMES) == [217, 0, 482]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2", "not valid JSON"),
        ('{"n02102040": 1}', "has no class 'n01440764'"),
        ('["a", 1, 2]', "must be a list of indices"),
        ("3", "must be a list of indices"),
        ("[1, 2]", "has 2 indices"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(content)

    with pytest.raises(BadInputError, match=message):
        read_class_map(tmp_path / "map.json", NAMES)


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"map\.json: no such file"):
        read_class_map(tmp_path / "map.json", NAMES)


def test_a_restricted_network_gives_the_chosen_outputs_in_the_order_of_the_data() -> None:
    images = load_dataset("digits").test.pixels(0, 4)
    whole = of(30)

    part = restrict(whole, [20, 3, 7], images)

    assert torch.equal(part(images), whole(images)[:, [20, 3, 7]])
    assert part.num_classes == 3
    assert part.lineage["notes"] == ["3 of its 30 outputs are used, those of the class map"]
    assert len({whole.digest(), part.digest(), restrict(whole, [3, 20, 7], images).digest()}) == 3
    assert whole(images).shape == (4, 30)


def test_a_network_of_the_classes_of_the_data_is_left_as_it_is() -> None:
    student = of(3)

    assert restrict(student, [20, 3, 7], load_dataset("digits").test.pixels(0, 1)) is student


def test_an_order_of_all_outputs_is_applied() -> None:
    images = load_dataset("digits").test.pixels(0, 4)
    student = of(3)

    ordered = restrict(student, [2, 0, 1], images)

    assert torch.equal(ordered(images), student(images)[:, [2, 0, 1]])
    assert ordered.lineage["notes"] == ["3 of its 3 outputs are used, in the order of the class map"]
    assert restrict(student, [0, 1, 2], images) is student


def test_a_network_that_fails_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="cannot count its outputs: RuntimeError: "):
        restrict(PixelModel(nn.Linear(3, 4)), [1], load_dataset("digits").test.pixels(0, 1))


def test_a_network_of_too_few_outputs_is_refused() -> None:
    with pytest.raises(ModelError, match="has 10 outputs, but the class map names output 20"):
        restrict(of(10), [20, 3, 7], load_dataset("digits").test.pixels(0, 1))


def test_an_identifier_is_found_behind_a_human_name(tmp_path: Path) -> None:
    named = ("English springer (n02102040)", "tench (n01440764)")
    (tmp_path / "map.json").write_text(json.dumps({"n02102040": 217, "tench (n01440764)": 0}))

    assert parse_classes("imagenet", named) == read_class_map(tmp_path / "map.json", named) == [217, 0]
