import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from torch import nn

from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model, load_model, save_model
from robustkd.models.resizing import resized

NOISE = np.random.default_rng(0).integers(64, 192, (90, 60, 3), dtype=np.uint8)
"""Far enough from 0 and 255 that Pillow, which clips between its two passes, clips nothing."""


def pixels(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(image, -1, 0).copy())[None] / 255


def model(**settings: object) -> PixelModel:
    return PixelModel(nn.Flatten(), architecture="flat", **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(("interpolation", "filtered"), [("bilinear", "BILINEAR"), ("bicubic", "BICUBIC")])
def test_images_are_resized_as_pillow_does(interpolation: str, filtered: str) -> None:
    """Pillow rounds to whole grey levels after each of two passes."""
    expected = np.asarray(Image.fromarray(NOISE).resize((32, 48), Image.Resampling[filtered]))[8:40]

    ours = resized(pixels(NOISE), 32, 1.0, interpolation)  # type: ignore[arg-type]

    assert (ours * 255 - torch.from_numpy(expected.copy()).permute(2, 0, 1)).abs().max() <= 1.01


def test_crop_pct_resizes_the_shorter_side_and_cuts_out_the_centre() -> None:
    """The shorter side, 60, becomes ⌊28 / 0.875⌋ = 32, the longer 48; the centre 28 begins at 2 and 10."""
    expected = np.asarray(Image.fromarray(NOISE).resize((32, 48), Image.Resampling.BICUBIC))[10:38, 2:30]

    ours = model(image_size=28, crop_pct=0.875, interpolation="bicubic").prepare(pixels(NOISE))

    assert (ours * 255 - torch.from_numpy(expected.copy()).permute(2, 0, 1)).abs().max() <= 1.01


def test_without_resizing_the_cut_pixels_are_the_very_same() -> None:
    square = pixels(NOISE[:32, :32])

    ours = model(image_size=28, crop_pct=0.875, interpolation="bicubic").prepare(square)

    assert torch.equal(ours, square[..., 2:30, 2:30])


def test_without_crop_pct_the_whole_image_is_resized() -> None:
    expected = np.asarray(Image.fromarray(NOISE).resize((28, 28), Image.Resampling.BILINEAR))

    ours = model(image_size=28).prepare(pixels(NOISE))

    assert (ours * 255 - torch.from_numpy(expected.copy()).permute(2, 0, 1)).abs().max() <= 1.01


def test_pixels_stay_within_their_range() -> None:
    edges = pixels(np.where(np.indices((64, 64)).sum(0)[..., None] % 23 < 11, 0, 255).astype(np.uint8).repeat(3, -1))

    ours = model(image_size=28, crop_pct=0.875, interpolation="bicubic").prepare(edges)

    assert 0 <= ours.min() < ours.max() <= 1


def test_gradients_reach_what_the_network_sees_and_nothing_else() -> None:
    image = pixels(NOISE[:32, :32]).requires_grad_()

    model(image_size=28, crop_pct=0.875, interpolation="bicubic").prepare(image).sum().backward()

    seen = torch.zeros(32, 32)
    seen[2:30, 2:30] = 1
    assert image.grad is not None
    assert torch.equal(image.grad[0, 0], seen)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_size": 28, "crop_pct": 0.0}, "crop_pct must be greater than 0 and at most 1, got 0.0"),
        ({"image_size": 28, "crop_pct": 1.1}, "crop_pct must be greater than 0 and at most 1, got 1.1"),
        ({"crop_pct": 0.9}, "crop_pct needs image_size"),
        ({"image_size": 28, "interpolation": "lanczos"}, "interpolation must be bilinear or bicubic, got 'lanczos'"),
    ],
)
def test_settings_that_are_not_valid_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        model(**settings)


def test_the_digest_depends_on_the_cut() -> None:
    whole, cut, cubic = (
        model(image_size=28, **more).digest() for more in ({}, {"crop_pct": 0.875}, {"interpolation": "bicubic"})
    )

    assert len({whole, cut, cubic}) == 3
    assert whole == model(image_size=28, crop_pct=None, interpolation="bilinear").digest()


def test_the_cut_is_saved_with_the_network(tmp_path: Path) -> None:

    file = tmp_path / "m.safetensors"
    network = create_model(
        "cifar_wrn_10_1", num_classes=3, image_size=28, crop_pct=0.9, interpolation="bicubic", seed=0
    )
    save_model(network, file)

    loaded = load_model(file)

    assert (loaded.image_size, loaded.crop_pct, loaded.interpolation) == (28, 0.9, "bicubic")
    assert loaded.digest() == network.digest()


def test_a_file_of_a_network_without_a_cut_is_one_that_version_0_1_reads(tmp_path: Path) -> None:

    file = tmp_path / "m.safetensors"
    save_model(create_model("cifar_wrn_10_1", num_classes=3, seed=0), file)

    with safe_open(file, framework="pt") as opened:
        header = json.loads(opened.metadata()["robustkd"])
    assert set(header) == {
        *("format", "architecture", "options", "num_classes", "in_chans", "mean", "std", "image_size", "lineage")
    }
