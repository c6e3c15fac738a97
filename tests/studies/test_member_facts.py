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
