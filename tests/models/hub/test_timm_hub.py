"""Networks of timm on the hub."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.models import save_for_hf
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import load_model

Hub = Callable[[str], Path]

CFG: dict[str, Any] = {
    "mean": (0.1, 0.2, 0.3),
    "std": (0.4, 0.5, 0.6),
    "input_size": (3, 40, 40),
    "crop_pct": 0.8,
    "interpolation": "bicubic",
}


@pytest.fixture
def theirs() -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = timm.create_model("test_resnet", num_classes=4, pretrained_cfg_overlay=CFG)
    return network.eval()


def test_the_weights_and_the_configuration_of_a_repository_are_taken(hub: Hub, theirs: nn.Module) -> None:
    save_for_hf(theirs, hub("someone/small"), safe_serialization=True)
    images = torch.rand(2, 3, 40, 40)

    model = load_model("hf-hub:someone/small", num_classes=4)

    assert model.architecture == "test_resnet"
    assert (model.image_size, model.crop_pct, model.interpolation) == (40, 0.8, "bicubic")
    assert model.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert model.std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert torch.equal(model.module(images), theirs(images))
    assert model.lineage["file"] == "hf-hub:someone/small"
    assert model.lineage["normalisation"] == "the configuration of hf-hub:someone/small"
    assert model.lineage["notes"] == [f"revision {'0' * 40}"]


def test_a_size_and_a_normalisation_of_the_user_come_first(hub: Hub, theirs: nn.Module, pixels: Tensor) -> None:
    save_for_hf(theirs, hub("someone/small"), safe_serialization=True)

    model = load_model("hf-hub:someone/small", mean=[0.5], std=[0.5], image_size=32)

    assert (model.image_size, model.crop_pct) == (32, None)
    assert torch.allclose(model.prepare(pixels), 2 * pixels - 1)


def test_a_pickle_that_would_execute_code_is_refused(hub: Hub, theirs: nn.Module, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(tmp_path / "executed"), "w")

    folder = hub("someone/small")
    save_for_hf(theirs, folder, safe_serialization=True)
    (folder / "model.safetensors").unlink()
    torch.save({"bomb": Bomb()}, folder / "pytorch_model.bin")

    with pytest.raises(ModelError, match="hf-hub:someone/small: cannot be loaded: ") as raised:
        load_model("hf-hub:someone/small")

    assert "\n" not in str(raised.value)
    assert not (tmp_path / "executed").exists()


def test_another_number_of_classes_is_refused(hub: Hub, theirs: nn.Module) -> None:
    save_for_hf(theirs, hub("someone/small"), safe_serialization=True)

    with pytest.raises(ModelError, match="hf-hub:someone/small: has 4 classes, not 10"):
        load_model("hf-hub:someone/small", num_classes=10)


@pytest.mark.parametrize("name", ["hf-hub:someone/nothing", "hf:someone/nothing"])
def test_a_repository_that_cannot_be_fetched_is_named_in_one_line(name: str, hub: Hub) -> None:
    if name.startswith("hf:"):
        pytest.importorskip("transformers")

    with pytest.raises(ModelError, match=f"{name}: cannot be loaded: ") as raised:
        load_model(name)

    assert "\n" not in str(raised.value)


def test_transformers_takes_a_repository_too(hub: Hub, pixels: Tensor) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4], depths=[1], layer_type="basic", num_labels=3)
    folder = hub("someone/classifier")
    transformers.ResNetForImageClassification(config).save_pretrained(folder)
    transformers.ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=1.0).save_pretrained(folder)

    model = load_model("hf:someone/classifier", num_classes=3)

    assert model(pixels).shape == (4, 3)
    assert f"revision {'0' * 40}" in model.lineage["notes"]
