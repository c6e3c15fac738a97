from pathlib import Path

import pytest

from robustkd.models.given import parse_model


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t.pth", (None, None, "t.pth")),
        ("resnet18:t.pth", (None, "resnet18", "t.pth")),
        ("at=t.pth", ("at", None, "t.pth")),
        ("at=resnet18:runs/a=b/t.pth", ("at", "resnet18", "runs/a=b/t.pth")),
        ("my net=vit_tiny_patch16_224.augreg_in21k:t.pth", ("my net", "vit_tiny_patch16_224.augreg_in21k", "t.pth")),
        ("/a=b/t.pth", (None, None, "/a=b/t.pth")),
        ("torchvision/resnet18:t.pth", (None, "torchvision/resnet18", "t.pth")),
        ("models.py::net:t.pth", (None, "models.py::net", "t.pth")),
        (
            "at=lib/models.py::net(depth=20, k='a'):a=b/t.pth",
            ("at", "lib/models.py::net(depth=20, k='a')", "a=b/t.pth"),
        ),
        ("pack.models::Net.small", (None, "pack.models::Net.small", None)),
        ("at=pack.models::net(depth=2)", ("at", "pack.models::net(depth=2)", None)),
        ("hf:org/net", (None, "hf:org/net", None)),
        ("kd=hf:../my folder/a=b", ("kd", "hf:../my folder/a=b", None)),
        ("hf-hub:timm/resnet18.a1_in1k@v2", (None, "hf-hub:timm/resnet18.a1_in1k@v2", None)),
        ("C:\\models\\t.pth", (None, None, "C:\\models\\t.pth")),
    ],
)
def test_a_model_is_split_into_its_parts(text: str, expected: tuple[str | None, str | None, str | None]) -> None:
    assert parse_model(text) == expected


def test_a_path_that_exists_is_taken_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("seed=1.pth").touch()

    assert parse_model("seed=1.pth") == (None, None, "seed=1.pth")
