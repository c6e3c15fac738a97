"""Networks whose pixels, channels or classes are not as given."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import ImageSet
from robustkd.errors import ModelError
from robustkd.models import PixelModel
from robustkd.validity.diagnosis import Diagnosis, Setting, Trial, diagnose, settings_for

COLOURS = torch.tensor(
    [[200, 60, 90], [200, 60, 30], [90, 90, 200], [60, 200, 30], [120, 120, 160], [240, 240, 200]], dtype=torch.float64
)
"""The mean colours of the classes, as 8-bit values; the first two with red and blue exchanged are like the third."""


class NearestColour(nn.Module):
    """Tells classes by the colour that is nearest to the mean of the input, which is normalised in its own way."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], *, bgr: bool, order: Sequence[int]) -> None:
        super().__init__()
        colours = COLOURS[:, [2, 1, 0]] if bgr else COLOURS
        self.centres = (colours / 255 - torch.tensor(mean)) / torch.tensor(std)
        self.centres = self.centres[list(order)]

    def forward(self, images: Tensor) -> Tensor:
        return -torch.cdist(images.mean((2, 3)).double(), self.centres)


@pytest.fixture(scope="module")
def images() -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(240) % len(COLOURS)
    noise = torch.randn(240, 3, 4, 4, generator=generator) * 10
    pixels = (COLOURS[labels].view(-1, 3, 1, 1) + noise).clamp(0, 255).round().to(torch.uint8)
    return ImageSet(pixels, labels, tuple("abcdef"))


def diagnosed(network: nn.Module, images: ImageSet, **given: object) -> Diagnosis:
    return diagnose(PixelModel(network, **given), images, torch.device("cpu"))  # type: ignore[arg-type]


IN_PLACE, CYCLE = (0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 0)


@pytest.mark.parametrize("order", [IN_PLACE, CYCLE], ids=["in place", "permuted"])
@pytest.mark.parametrize("bgr", [False, True], ids=["rgb", "bgr"])
@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("0.5 and 0.5", (0.5,) * 3, (0.5,) * 3),
        ("0 to 255", (0.0,) * 3, (1 / 255,) * 3),
        ("ImageNet", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_what_was_done_to_a_network_is_found(
    name: str, mean: tuple[float, ...], std: tuple[float, ...], bgr: bool, order: tuple[int, ...], images: ImageSet
) -> None:
    mean, std = (mean[::-1], std[::-1]) if bgr else (mean, std)
    network = NearestColour(mean, std, bgr=bgr, order=order)

    found = diagnose(PixelModel(network), images, torch.device("cpu"), expected=name)

    fits = found.fits
    assert (fits.setting.name, fits.setting.channel_order) == (name, "bgr" if bgr else "rgb")
    assert fits.best.mean() > 0.98
    assert fits.permuted == (order != IN_PLACE)
    if fits.permuted:
        assert fits.order == [order.index(label) for label in range(len(order))]


def test_settings_that_fit_are_left_as_they_were_given(images: ImageSet) -> None:
    network = NearestColour((0.5,) * 3, (0.25,) * 3, bgr=False, order=IN_PLACE)

    found = diagnosed(network, images, mean=[0.5], std=[0.25])

    assert found.fits is found.given
    assert not found.given.permuted
    assert found.as_good == ()


def test_outputs_of_a_network_of_more_classes_are_found(images: ImageSet) -> None:
    class Wide(NearestColour):
        def forward(self, images: Tensor) -> Tensor:
            unused = torch.full((len(images), 4), -100.0)
            return torch.cat([unused, super().forward(images)], dim=1)

    found = diagnosed(Wide((0.0,) * 3, (1.0,) * 3, bgr=False, order=CYCLE), images)

    assert found.fits is found.given
    assert found.fits.order == [9, 4, 5, 6, 7, 8]


def test_chance_is_no_order_of_the_classes() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, 500)
    setting = Setting("none", None, None, "rgb")

    trial = Trial(setting, generator.normal(size=(500, 10)), labels, 10)

    assert not trial.permuted
    assert trial.correct_in_best_order.mean() < 0.15


def test_grey_images_have_no_order_of_channels() -> None:
    found = settings_for(1)

    assert {setting.channel_order for setting in found} == {"rgb"}
    assert [setting.name for setting in found] == ["none", "0.5 and 0.5", "0 to 255"]


def test_settings_that_do_the_same_are_one(images: ImageSet) -> None:
    network = NearestColour((0.5,) * 3, (0.5,) * 3, bgr=False, order=IN_PLACE)

    found = diagnosed(network, images, mean=[0.5] * 3, std=[0.5] * 3)

    tried = [(trial.setting.name, trial.setting.channel_order) for trial in found.others]
    assert ("0.5 and 0.5", "rgb") not in tried
    assert ("0.5 and 0.5", "bgr") in tried
    assert len(tried) == 13


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(48, 4)), "has 4 outputs, but the data has 6 classes"),
        (nn.Linear(3, 4), "fails: RuntimeError: "),
    ],
)
def test_a_network_that_does_not_fit_is_refused(network: nn.Module, message: str, images: ImageSet) -> None:
    with pytest.raises(ModelError, match=message):
        diagnosed(network, images)
