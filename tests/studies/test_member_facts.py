import pytest
import torch
from torch import nn

from robustkd.models import Member, PixelModel
from robustkd.studies.member_facts import member_facts, preprocessing

NETWORK = nn.Linear(4, 2)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "none"),
        ({"mean": [0.5]}, "mean 0.5; std 1"),
        ({"mean": [0.491, 0.482, 0.447], "std": [0.2] * 3}, "mean 0.491, 0.482, 0.447; std 0.2"),
        ({"image_size": 32}, "resized to 32, bilinear"),
        (
            {"image_size": 224, "crop_pct": 0.875, "interpolation": "bicubic"},
            "resized to 224, centre 87.5 %, bicubic",
        ),
    ],
)
def test_preprocessing_is_described(settings: dict, expected: str) -> None:
    assert preprocessing(PixelModel(NETWORK, **settings)) == expected


@pytest.mark.parametrize(
    ("lineage", "source"),
    [
        ({"file": "a.pth"}, "a.pth"),
        ({"method": "at", "file": "model.safetensors"}, "trained by robustkd"),
        ({}, "given in Python"),
    ],
)
def test_the_source_of_a_network_is_its_file_if_it_has_one(lineage: dict, source: str) -> None:
    member = Member(PixelModel(NETWORK, lineage=lineage), "student", "at")

    assert member_facts(member)["source"] == source


def test_precision_is_that_of_the_parameters() -> None:
    half = PixelModel(nn.Linear(4, 2).to(torch.bfloat16))

    assert member_facts(Member(half, "student", "at"))["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("lineage", "settings", "origin"),
    [
        ({"normalisation": "given by the user"}, {"mean": [0.5]}, "given by the user"),
        ({}, {"mean": [0.5]}, "given in Python"),
        ({}, {}, "not stated: pixels in [0, 1] are not normalised"),
    ],
)
def test_where_the_normalisation_comes_from_is_told(lineage: dict, settings: dict, origin: str) -> None:
    member = Member(PixelModel(NETWORK, lineage=lineage, **settings), "student", "at")

    assert member_facts(member)["normalisation"] == origin


def test_all_that_was_decided_about_a_network_is_told() -> None:
    lineage = {"file": "a.pth", "renamed": 62, "notes": ["prefix 'module.' removed"]}
    model = PixelModel(nn.Linear(4, 20).half(), image_size=32, classes=[3, 17], lineage=lineage)

    told = member_facts(Member(model, "student", "at"))

    assert {name: told[name] for name in ("input_size", "class_map", "renamed", "parameters")} == {
        "input_size": 32,
        "class_map": [3, 17],
        "renamed": 62,
        "parameters": 100,
    }
    assert told["notes"] == [
        "prefix 'module.' removed",
        "62 of its weights have other names in the file",
        "computes in float16",
    ]
