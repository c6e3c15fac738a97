"""The commands of the page "Your models" and of the README do what they say, on files made here."""

import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import Tensor, nn

from robustkd.cli import main
from robustkd.studies import load_study

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODELS = (ROOT / "docs" / "using" / "models.md").read_text(encoding="utf-8")

FAST = [
    *("--limit", "4", "--device", "cpu", "--out", "run", "--set", "transferability.steps=1"),
    *("--set", "transferability.square_images=1", "--set", "transferability.square_queries=2"),
]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def commands() -> list[str]:
    return [block.replace("\\\n", " ").strip() for block in blocks(MODELS, "sh")]


def save_timm(name: str, file: str) -> None:
    torch.save(timm.create_model(name, num_classes=10).state_dict(), file)


def cifar(folder: Path) -> None:
    make = np.random.default_rng(0)
    arrays = {
        f"{kind}_{part}": make.integers(0, 256, (20, 32, 32, 3), np.uint8) if kind == "x" else np.arange(20) % 10
        for kind in "xy"
        for part in ("train", "test")
    }
    np.savez(folder / "cifar10.npz", **arrays)


def timm_networks(folder: Path) -> None:
    cifar(folder)
    save_timm("resnet34", "teacher.pth")
    for file in ("alone.pth", "kd.pth", "at.pth"):
        save_timm("resnet18", file)


CODE = """
from torch import nn

def resnet(depth):
    layers = [nn.Conv2d(3, 4, 3, padding=1)]
    for _ in range(depth // 8):
        layers += [nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
"""


def own_code(folder: Path) -> None:
    cifar(folder)
    Path("models.py").write_text(CODE)
    made: dict[str, Callable[[int], nn.Module]] = {}
    exec(CODE, made)
    torch.save(made["resnet"](20).state_dict(), "teacher.pth")
    torch.save(made["resnet"](8).state_dict(), "kd.pth")


def akamaster(depth: int) -> dict[str, Tensor]:
    """The weights of a ResNet of that code base: three groups of basic blocks, shortcuts without weights."""
    weights: dict[str, Tensor] = {}

    def add(conv: str, norm: str, channels: int, inputs: int) -> None:
        weights[f"module.{conv}.weight"] = 0.1 * torch.randn(channels, inputs, 3, 3)
        for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            weights[f"module.{norm}.{name}"] = torch.full((channels,), value)
        weights[f"module.{norm}.num_batches_tracked"] = torch.tensor(1)

    add("conv1", "bn1", 16, 3)
    inputs = 16
    for group, channels in enumerate((16, 32, 64), start=1):
        for block in range((depth - 2) // 6):
            place = f"layer{group}.{block}"
            add(f"{place}.conv1", f"{place}.bn1", channels, inputs)
            add(f"{place}.conv2", f"{place}.bn2", channels, channels)
            inputs = channels
    weights["module.linear.weight"], weights["module.linear.bias"] = torch.randn(10, 64), torch.zeros(10)
    return weights


def code_base(folder: Path) -> None:
    cifar(folder)
    for depth in (56, 20):
        torch.save({"state_dict": akamaster(depth), "best_prec1": 90.0}, f"resnet{depth}.th")


def pictures(folder: Path, classes: tuple[str, ...], size: int) -> None:
    make = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(3):
            pixels = make.integers(0, 256, (size, size + 8 * number, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def hugging_face(folder: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("datasets")
    pictures(folder / "pets" / "test", ("cat", "dog"), 32)
    for name, width in (("large-vit", 16), ("small-vit", 8)):
        sizes = {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        config = transformers.ViTConfig(**sizes, image_size=32, patch_size=8, num_labels=2)
        transformers.ViTForImageClassification(config).save_pretrained(name)
        transformers.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(name)


def photographs(folder: Path) -> None:
    from torchvision import models

    pictures(folder / "photos", ("n01440764", "n02102040"), 64)
    torch.save(models.resnet18().state_dict(), "teacher.pth")
    torch.save(models.mobilenet_v3_small().state_dict(), "kd.pth")


def programs(folder: Path) -> None:
    make = np.random.default_rng(0)
    images = make.integers(0, 256, (12, 16, 16, 3), np.uint8)
    np.savez("images.npz", x_test=images, y_test=np.arange(12) % 3)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    network = nn.Sequential(*layers).eval()
    shown = torch.rand(2, 3, 16, 16)
    batch = {"input": {0: torch.export.Dim("batch", min=1, max=1024)}}
    torch.export.save(torch.export.export(network, (shown,), dynamic_shapes=batch), "teacher.pt2")
    torch.jit.trace(network, shown).save("kd.pt")


FILES: tuple[Callable[[Path], None], ...] = (
    timm_networks,
    own_code,
    code_base,
    hugging_face,
    photographs,
    programs,
)


def test_the_page_has_the_six_commonest_cases() -> None:
    assert len(commands()) == len(FILES) == 6


def test_the_readme_has_the_first_of_them_and_is_short() -> None:
    assert blocks(MODELS, "sh")[0] in blocks(README, "sh")
    assert len(README.splitlines()) <= 150


def test_the_study_of_the_readme_is_one(tmp_path: Path) -> None:
    [study] = blocks(README, "yaml")
    (tmp_path / "study.yaml").write_text(study)

    assert load_study(tmp_path / "study.yaml").name == "two-methods"


def test_the_python_of_the_readme_writes_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROBUSTKD_DATA", str(tmp_path))
    timm_networks(tmp_path)
    [code] = blocks(README, "python")
    networks = {name: timm.create_model("resnet18", num_classes=10) for name in ("alone", "student")}

    exec(code.replace('suite="full"', 'suite="quick", limit=4, device="cpu"'), networks)

    assert (tmp_path / "reports" / "mine" / "report" / "index.html").is_file()


@pytest.mark.usefixtures("own_plugins")
@pytest.mark.parametrize("case", range(6), ids=[files.__name__ for files in FILES])
def test_a_command_of_the_page_ends_in_a_report(
    case: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROBUSTKD_DATA", str(tmp_path))
    torch.manual_seed(0)
    FILES[case](tmp_path)

    command = [*shlex.split(commands()[case]), *FAST]
    monkeypatch.setattr(sys, "argv", command)

    with pytest.raises(SystemExit) as ended:
        main()

    assert command[0] == "robustkd"
    assert ended.value.code in (0, 1), capfd.readouterr().err  # 1: a validity check says that untrained networks guess
    assert (tmp_path / "run" / "report" / "index.html").is_file()
