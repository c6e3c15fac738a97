from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from torch import nn

import robustkd as rk
from robustkd.data import Dataset
from robustkd.models import PixelModel
from robustkd.studies.photographs import Input, fit_to_photographs, network_input

SIZES = [(341, 256), (300, 401), (128, 96), (500, 200)]


@pytest.fixture
def photographs(tmp_path: Path) -> Dataset:
    for index, (width, height) in enumerate(SIZES):
        across, down = np.meshgrid(np.arange(width), np.arange(height))
        waves = [128 + 90 * np.sin(across / (25 + index) + down / (30 + channel)) for channel in range(3)]
        file = tmp_path / "photos" / f"class {index % 2}" / f"{index}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(file, quality=90)
    return rk.load_dataset(f"folder:{tmp_path / 'photos'}")


class Colour(nn.Module):
    """A network that looks at the mean and the variation of its input, with timm's settings if there are any."""

    def __init__(self, **cfg: object) -> None:
        super().__init__()
        self.seen = (0, 0)
        if cfg:
            self.pretrained_cfg = cfg

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen = tuple(images.shape[-2:])
        return torch.stack([images.mean((1, 2, 3)), images.var((1, 2, 3))], 1)


def model(**cfg: object) -> PixelModel:
    return PixelModel(Colour(**cfg), architecture="colour")


LARGE = {"input_size": (3, 240, 240), "crop_pct": 0.9, "interpolation": "bicubic"}


def timms(data: Dataset, module: nn.Module) -> torch.Tensor:
    """Return what timm's own pipeline shows a network, as grey levels."""
    config = resolve_model_data_config(module) | {"mean": (0, 0, 0), "std": (1, 1, 1)}
    transform = create_transform(**config, is_training=False)
    files = data.test.images.files  # type: ignore[union-attr]
    return torch.stack([transform(Image.open(file)) for file in files]) * 255


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite1", "convnext_atto"])
def test_alone_a_network_of_timm_sees_what_timm_shows_it(photographs: Dataset, name: str) -> None:
    network = timm.create_model(name, num_classes=2)

    pool, data = fit_to_photographs(rk.ModelPool(baseline=PixelModel(network)), photographs)

    pixels = next(iter(pool)).model.prepare(data.test.pixels(0, len(SIZES))) * 255
    assert torch.equal(pixels.round(), timms(photographs, network).round())


def test_a_network_of_a_fixed_size_sees_what_timm_shows_it(photographs: Dataset) -> None:
    network = rk.create_model("vit_tiny_patch16_224", num_classes=2, seed=0)  # has an image_size from the start

    pool, data = fit_to_photographs(rk.ModelPool(baseline=network), photographs)

    pixels = next(iter(pool)).model.prepare(data.test.pixels(0, len(SIZES))) * 255
    assert torch.equal(pixels.round(), timms(photographs, network.module).round())


def test_networks_of_several_sizes_share_the_images_and_each_sees_its_own_size(photographs: Dataset) -> None:
    pool = rk.ModelPool(baseline=model(), students={"large": model(**LARGE)})

    fitted, data = fit_to_photographs(pool, photographs)

    assert data.test.shape == (3, 266, 266)  # ⌊240 / 0.9⌋
    small, large = (member.model for member in fitted)
    pixels = data.test.pixels(0, len(SIZES))
    assert (small.prepare(pixels).shape[-1], large.prepare(pixels).shape[-1]) == (224, 240)
    assert torch.equal((large.prepare(pixels) * 255).round(), timms(photographs, large.module).round())
    # cut at whole pixels and resized twice: at most half a pixel off, and neighbours differ by up to 90 / 25 levels
    assert (small.prepare(pixels) * 255 - timms(photographs, small.module)).abs().mean() < 0.5 * 90 / 25


def test_what_each_network_sees_is_said(photographs: Dataset) -> None:
    pool = rk.ModelPool(baseline=model(), students={"large": model(**LARGE)})

    fitted, data = fit_to_photographs(pool, photographs)

    assert [member.model.lineage["notes"] for member in fitted] == [
        ["sees the centre 224×224 of images whose shorter side is resized to 256 (crop_pct 0.875, bicubic)"],
        ["sees the centre 240×240 of images whose shorter side is resized to 266 (crop_pct 0.9, bicubic)"],
    ]
    assert data.remarks[-1].startswith(
        "the networks share images whose shorter side is 266, and those with other settings (baseline) resize these "
        "once more: their results differ a little"
    )


def test_nothing_is_said_of_sharing_where_all_networks_agree(photographs: Dataset) -> None:
    pool = rk.ModelPool(baseline=model(), students={"a": model(), "b": model(input_size=(3, 224, 224), crop_pct=0.875)})

    _, data = fit_to_photographs(pool, photographs)

    assert data.remarks == photographs.remarks


def test_a_filter_that_another_network_decides_is_said(photographs: Dataset) -> None:
    pool = rk.ModelPool(baseline=model(), students={"b": model(input_size=(3, 224, 224), interpolation="bilinear")})

    fitted, data = fit_to_photographs(pool, photographs)

    assert all("(crop_pct 0.875, bicubic)" in member.model.lineage["notes"][0] for member in fitted)
    assert "those with other settings (b)" in data.remarks[-1]


def test_the_given_models_and_images_do_not_change(photographs: Dataset) -> None:
    pool = rk.ModelPool(baseline=model(), students={"large": model(**LARGE)})
    before = [member.model.digest() for member in pool]

    fit_to_photographs(pool, photographs)

    assert [member.model.digest() for member in pool] == before
    assert [member.model.image_size for member in pool] == [None, None]
    assert photographs.test.photographs


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (model(), Input(224, 0.875, "bicubic")),
        (model(**LARGE), Input(240, 0.9, "bicubic")),
        (model(input_size=(3, 64, 64), interpolation="bilinear"), Input(64, 0.875, "bilinear")),
        (PixelModel(Colour(**LARGE), image_size=288, architecture="colour"), Input(288, 0.9, "bicubic")),
        (PixelModel(Colour(), image_size=96, crop_pct=1.0, architecture="colour"), Input(96, 1.0, "bilinear")),
    ],
)
def test_a_network_s_own_settings_come_first_then_those_of_timm(given: PixelModel, expected: Input) -> None:
    assert network_input(given) == expected


def test_images_of_one_size_and_their_networks_are_left_alone() -> None:
    digits = rk.load_dataset("digits")
    pool = rk.ModelPool(baseline=rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0))

    assert fit_to_photographs(pool, digits) == (pool, digits)


def test_what_pixels_become_is_part_of_the_digest(photographs: Dataset) -> None:
    digests = {
        fit_to_photographs(rk.ModelPool(baseline=model(input_size=(3, 224, 224), **cfg)), photographs)[1].test.digest
        for cfg in ({}, {"crop_pct": 1.0}, {"interpolation": "bilinear"})
    }

    assert len(digests) == 3


def test_they_are_evaluated_and_the_report_says_how(photographs: Dataset, tmp_path: Path) -> None:
    pool = rk.ModelPool(baseline=rk.create_model("cifar_wrn_10_1", num_classes=2, seed=0))
    fast = {"transferability": {"images": 2, "steps": 1, "square_queries": 20}}

    rk.evaluate(pool, photographs, options=fast, out=tmp_path / "run", device="cpu")

    for name in ("index.html", "report.md", "provenance.json"):
        text = (tmp_path / "run" / "report" / name).read_text(encoding="utf-8").replace("\\u00d7", "×")
        assert "images differ in size, from 128×96 to 300×401 (width×height)" in text
        assert "sees the centre 32×32 of images whose shorter side is resized to 32 (crop_pct 1, bilinear)" in text


def test_of_many_such_networks_three_are_named(photographs: Dataset) -> None:
    small = {f"s{index}": model() for index in range(5)}

    _, data = fit_to_photographs(rk.ModelPool(baseline=model(**LARGE), students=small), photographs)

    assert "those with other settings (s0, s1, s2 and 2 more)" in data.remarks[-1]
