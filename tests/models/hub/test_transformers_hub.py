"""Image classifiers of transformers in local folders."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from robustkd.errors import ModelError
from robustkd.models import PixelModel, load_model

transformers = pytest.importorskip("transformers")

MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]


def resnet(folder: Path, **changes: Any) -> Path:
    """A ResNet of two stages for four classes."""
    torch.manual_seed(0)
    config = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic", **{"num_labels": 4, **changes}
    )
    transformers.ResNetForImageClassification(config).save_pretrained(folder)
    return folder


def vit(folder: Path) -> Path:
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.ViTConfig(**sizes, image_size=32, patch_size=8, num_labels=4)
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=MEAN, image_std=STD).save_pretrained(
        folder
    )
    return folder


def theirs(folder: Path, images: Tensor) -> Tensor:
    """The logits that transformers alone gives for images of 8 bits, uint8 (B, C, H, W)."""
    network = transformers.AutoModelForImageClassification.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    given = processor([np.ascontiguousarray(each.permute(1, 2, 0)) for each in images], return_tensors="pt")
    with torch.no_grad():
        return network(**given).logits


@pytest.fixture
def images() -> Tensor:
    return torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_a_vision_transformer_with_its_image_processor_gives_the_logits_of_transformers(
    tmp_path: Path, images: Tensor
) -> None:
    folder = vit(tmp_path / "vit")

    model = load_model(f"hf:{folder}", num_classes=4)

    assert torch.allclose(model(images / 255), theirs(folder, images), atol=1e-5)
    assert model.image_size == 32
    assert model.lineage["normalisation"] == f"the image processor of hf:{folder}"
    assert model.lineage["file"] == f"hf:{folder}"
    assert model.lineage["notes"] == [f"loaded by transformers {transformers.__version__}"]
    assert model.architecture.startswith("ViTForImageClassification-")
    assert not model.training
    assert not any(each.requires_grad for each in model.parameters())


@pytest.mark.parametrize(
    ("processor", "settings", "size", "crop_pct"),
    [
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 64}, "crop_pct": 0.875}, 64, 0.875),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}, "crop_pct": 0.875}, 384, None),
        ("ViTImageProcessor", {"size": {"height": 48, "width": 48}}, 48, None),
        ("ViTImageProcessor", {"do_resize": False}, None, None),
        (
            "BitImageProcessor",
            {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}},
            32,
            0.8,
        ),
        ("LevitImageProcessor", {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}, 28, 0.875),
    ],
)
def test_the_size_of_the_input_is_that_of_the_image_processor(
    processor: str, settings: dict[str, Any], size: int | None, crop_pct: float | None, tmp_path: Path
) -> None:
    getattr(transformers, processor)(image_mean=MEAN, image_std=STD, **settings).save_pretrained(resnet(tmp_path))

    model = load_model(f"hf:{tmp_path}")

    assert (model.image_size, model.crop_pct) == (size, pytest.approx(crop_pct) if crop_pct else None)
    assert model.mean.flatten().tolist() == pytest.approx(MEAN)
    assert model.std.flatten().tolist() == pytest.approx(STD)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_normalize": False},
        {"do_rescale": False},
        {"rescale_factor": 1 / 127.5, "rescale_offset": True},
        {"rescale_factor": 1 / 127.5, "rescale_offset": True, "include_top": False},
    ],
)
def test_pixels_are_scaled_shifted_and_normalised_as_by_the_image_processor(
    settings: dict[str, Any], tmp_path: Path, images: Tensor
) -> None:
    settings = {"do_resize": False, "image_mean": MEAN, "image_std": STD, **settings}
    transformers.EfficientNetImageProcessor(**settings).save_pretrained(resnet(tmp_path))

    model = load_model(f"hf:{tmp_path}")

    assert torch.allclose(model(images / 255), theirs(tmp_path, images), atol=1e-4, rtol=1e-4)


def test_settings_of_the_user_come_first(tmp_path: Path) -> None:
    model = load_model(f"hf:{vit(tmp_path)}", mean=[0.5], std=[0.25])

    assert model.mean.flatten().tolist() == [0.5]
    assert model.image_size == 32
    assert model.lineage["normalisation"] == "given by the user"


def test_without_an_image_processor_nothing_is_assumed(tmp_path: Path) -> None:
    model = load_model(f"hf:{resnet(tmp_path)}")

    assert not model.normalises
    assert model.lineage["normalisation"] == "not stated: pixels in [0, 1] are not normalised"
    assert "it has no image processor, which would say how images are prepared" in model.lineage["notes"]


def test_weights_in_half_precision_are_used_in_float32(tmp_path: Path, pixels: Tensor) -> None:
    resnet(tmp_path / "whole")
    network = transformers.AutoModelForImageClassification.from_pretrained(tmp_path / "whole")
    network.half().save_pretrained(tmp_path / "half")

    assert load_model(f"hf:{tmp_path / 'half'}")(pixels).dtype == torch.float32


def a_backbone(folder: Path) -> None:
    transformers.ResNetModel(
        transformers.ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic")
    ).save_pretrained(folder)


def with_remote_code(folder: Path) -> None:
    config = json.loads((resnet(folder) / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Config", "AutoModelForImageClassification": "mine.Net"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text(f"open({str(folder / 'executed')!r}, 'w').close()\n")


def with_a_pickle(folder: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(folder / "executed"), "w")

    (resnet(folder) / "model.safetensors").unlink()
    torch.save({"bomb": Bomb()}, folder / "pytorch_model.bin")


def damaged(folder: Path) -> None:
    (resnet(folder) / "model.safetensors").write_bytes(b"no weights")


def oblong(folder: Path) -> None:
    transformers.ViTImageProcessor(size={"height": 32, "width": 48}).save_pretrained(resnet(folder))


def padded(folder: Path) -> None:
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 40, "width": 40}}
    transformers.BitImageProcessor(**sizes).save_pretrained(resnet(folder))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            a_backbone,
            "its weights lack classifier.1.bias, classifier.1.weight: is it a classifier, and not a backbone?",
        ),
        (with_remote_code, "cannot be loaded: ValueError: .*custom code"),
        (with_a_pickle, "cannot be loaded: "),
        (damaged, "cannot be loaded: "),
        (oblong, "takes images of 32×48, and only square ones are supported"),
        (padded, "pads images from 32 to 40, which is not supported"),
        (resnet, "has 4 classes, not 10"),
        (lambda folder: folder.mkdir(exist_ok=True), "cannot be loaded: "),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line_and_executes_nothing(
    make: Any, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path)
    capfd.readouterr()

    with pytest.raises(ModelError, match=message) as raised:
        load_model(f"hf:{tmp_path}", num_classes=10)

    assert "\n" not in str(raised.value)
    assert not (tmp_path / "executed").exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf:", "'hf:' needs the name of a repository, as in hf:ORG/NAME"),
        ("hf:nowhere", "hf:nowhere: no such folder, and the name of a repository is ORG/NAME"),
        ("hf:./nowhere", "hf:./nowhere: no such folder"),
        ("hf:/a/b/c", "hf:/a/b/c: no such folder"),
    ],
)
def test_what_is_no_folder_and_no_repository_is_refused(name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(name)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()

    with pytest.raises(ModelError, match="is a file; name the folder that save_pretrained wrote"):
        load_model(f"hf:{tmp_path / 'model.safetensors'}")


@pytest.mark.parametrize("settings", [{"ema": True}, {"architecture": "resnet18"}, {"options": {"drop_rate": 0.1}}])
def test_settings_of_files_are_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"brings its architecture and its weights: leave out {next(iter(settings))}"):
        load_model(f"hf:{tmp_path}", **settings)


def test_without_transformers_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)

    with pytest.raises(ModelError, match=r"needs transformers: pip install 'robustkd\[hub\]'"):
        load_model(f"hf:{tmp_path}")


def test_a_network_has_the_same_digest_each_time_it_is_loaded(tmp_path: Path) -> None:
    folder = vit(tmp_path)
    models: list[PixelModel] = [load_model(f"hf:{folder}") for _ in range(2)]

    assert models[0].digest() == models[1].digest()
