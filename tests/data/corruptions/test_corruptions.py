import colorsys
import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from robustkd.data.corruptions import CORRUPTIONS, EXTRA, STANDARD, corrupt, impossible
from robustkd.data.corruptions.constants import LARGE, SMALL
from robustkd.data.corruptions.operators import clouds, sampled
from robustkd.errors import DataError


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Six smooth colour images of 32×32."""
    random = np.random.default_rng(0)
    smooth = ndimage.gaussian_filter(random.normal(size=(6, 3, 32, 32)), (0, 0, 2, 2))
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return torch.from_numpy((smooth * 255).astype(np.uint8))


def distance(images: Tensor, corrupted: Tensor) -> float:
    return float((images.float() - corrupted.float()).square().mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_is_corrupted_in_the_same_way_in_any_batch(name: str, images: Tensor) -> None:
    together = corrupt(images, name, 3, 5, range(6))
    alone = corrupt(images[4:5], name, 3, 5, [4])

    torch.testing.assert_close(together[4:5], alone, rtol=0, atol=0)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_images_stay_images_and_are_changed(name: str, images: Tensor) -> None:
    corrupted = corrupt(images, name, 5, 0, range(6))

    assert corrupted.dtype == torch.uint8
    assert corrupted.shape == images.shape
    assert not torch.equal(corrupted, images)


@pytest.mark.parametrize(
    "name", [name for name in CORRUPTIONS if name not in ("elastic_transform", "saturate", "frost")]
)
def test_severity_five_changes_an_image_more_than_severity_one(name: str, images: Tensor) -> None:
    first, last = (distance(images, corrupt(images, name, severity, 0, range(6))) for severity in (1, 5))

    assert last > first


@pytest.mark.parametrize("name", ["gaussian_noise", "shot_noise", "impulse_noise", "fog", "glass_blur", "motion_blur"])
def test_random_corruptions_differ_by_seed_and_image(name: str, images: Tensor) -> None:
    same = images[:1].expand(2, -1, -1, -1).clone()

    corrupted = corrupt(same, name, 3, 0, [0, 1])

    assert not torch.equal(corrupted[0], corrupted[1])
    assert not torch.equal(corrupted, corrupt(same, name, 3, 1, [0, 1]))


@pytest.mark.parametrize(("severity", "sigma"), list(enumerate([0.04, 0.06, 0.08, 0.09, 0.10], start=1)))
def test_gaussian_noise_has_the_standard_deviation_of_the_32_pixel_set(severity: int, sigma: float) -> None:
    grey = torch.full((40, 3, 32, 32), 128, dtype=torch.uint8)

    noise = corrupt(grey, "gaussian_noise", severity, 0, range(40)).float() / 255

    assert float(noise.std()) == pytest.approx(sigma, rel=0.01)


def test_shot_noise_has_the_variance_of_counted_photons() -> None:
    grey = torch.full((40, 3, 32, 32), 128, dtype=torch.uint8)

    noise = corrupt(grey, "shot_noise", 5, 0, range(40)).float() / 255

    assert float(noise.var()) == pytest.approx(128 / 255 / 50, rel=0.02)


def test_speckle_noise_grows_with_the_value() -> None:
    shades = torch.tensor([50, 150], dtype=torch.uint8)[:, None, None, None].expand(2, 3, 32, 32)

    noise = corrupt(shades.repeat(20, 1, 1, 1), "speckle_noise", 2, 0, range(40)).float()

    assert float(noise[1::2].std() / noise[::2].std()) == pytest.approx(3, rel=0.05)


def test_impulse_noise_is_half_salt_half_pepper() -> None:
    grey = torch.full((40, 3, 32, 32), 128, dtype=torch.uint8)

    noise = corrupt(grey, "impulse_noise", 5, 0, range(40))

    assert float((noise == 255).float().mean()) == pytest.approx(0.035, rel=0.05)
    assert float((noise == 0).float().mean()) == pytest.approx(0.035, rel=0.05)


def test_gaussian_blur_is_that_of_scipy(images: Tensor) -> None:
    expected = ndimage.gaussian_filter(images.numpy() / 255, (0, 0, 1, 1), mode="nearest") * 255

    blurred = corrupt(images, "gaussian_blur", 5, 0, range(6))

    assert np.abs(blurred.numpy() - np.floor(expected + 1e-4)).max() <= 1


def test_defocus_blur_with_a_sharp_disk_averages_over_the_disk(images: Tensor) -> None:
    disk = np.hypot(*np.mgrid[-1:2, -1:2]) <= 1.5
    expected = ndimage.convolve(images.numpy() / 255, (disk / disk.sum())[None, None], mode="mirror") * 255

    blurred = corrupt(images, "defocus_blur", 5, 0, range(6))

    assert np.abs(blurred.numpy() - expected).max() <= 1.5


@pytest.mark.parametrize(("severity", "most"), [(1, 1.06), (2, 1.11), (3, 1.15), (4, 1.20), (5, 1.25)])
def test_zoom_blur_is_the_mean_of_the_image_and_its_zooms(severity: int, most: float, images: Tensor) -> None:
    image = images[0].numpy() / 255
    zooms = []
    for factor in np.linspace(1, most, round((most - 1) * 100) + 1):
        kept = int(np.ceil(32 / factor))
        first = (32 - kept) // 2
        zoomed = ndimage.zoom(image[:, first : first + kept, first : first + kept], (1, factor, factor), order=1)
        cut = (zoomed.shape[1] - 32) // 2
        zooms.append(zoomed[:, cut : cut + 32, cut : cut + 32])
    expected = (image + sum(zooms)) / (len(zooms) + 1) * 255

    assert np.abs(corrupt(images, "zoom_blur", severity, 0, range(6))[0].numpy() - np.floor(expected + 1e-4)).max() <= 1


@pytest.mark.parametrize("name", ["gaussian_blur", "defocus_blur", "motion_blur", "zoom_blur", "glass_blur"])
def test_a_blur_leaves_an_even_surface_alone(name: str) -> None:
    even = torch.full((2, 3, 32, 32), 100, dtype=torch.uint8)

    assert distance(even, corrupt(even, name, 5, 0, [0, 1])) <= 1


def test_motion_blur_spreads_a_dot_along_one_line() -> None:
    dot = torch.zeros(8, 1, 32, 32, dtype=torch.uint8)
    dot[:, :, 16, 16] = 255

    blurred = corrupt(dot, "motion_blur", 1, 0, range(8))

    lit = (blurred[:, 0] > 0).sum(dim=(1, 2))
    assert ((lit >= 3) & (lit <= 6)).all()  # exp(−i²/2) falls below 1/255 · 2.5 at i = 4
    assert float(blurred[:, 0, 16, 16].float().mean()) == pytest.approx(255 / 1.7533, abs=1.5)


def test_brightness_raises_the_value_of_hsv(images: Tensor) -> None:
    image = images[0].numpy() / 255

    found = corrupt(images, "brightness", 3, 0, range(6))[0].numpy()

    for row, column in ((0, 0), (7, 20), (31, 4)):
        hue, saturation, value = colorsys.rgb_to_hsv(*image[:, row, column])
        expected = np.array(colorsys.hsv_to_rgb(hue, saturation, min(value + 0.15, 1))) * 255
        assert np.abs(found[:, row, column] - expected).max() <= 1.01


@pytest.mark.parametrize(("severity", "times", "plus"), [(1, 0.3, 0), (4, 2, 0.1)])
def test_saturate_changes_the_saturation_of_hsv(severity: int, times: float, plus: float, images: Tensor) -> None:
    image = images[0].numpy() / 255

    found = corrupt(images, "saturate", severity, 0, range(6))[0].numpy()

    for row, column in ((0, 0), (7, 20), (31, 4)):
        hue, saturation, value = colorsys.rgb_to_hsv(*image[:, row, column])
        expected = np.array(colorsys.hsv_to_rgb(hue, min(saturation * times + plus, 1), value)) * 255
        assert np.abs(found[:, row, column] - expected).max() <= 1.01


def test_contrast_keeps_the_mean_and_shrinks_the_spread(images: Tensor) -> None:
    corrupted = corrupt(images, "contrast", 5, 0, range(6)).float()

    before, after = images.float(), corrupted
    assert torch.allclose(after.mean(dim=(2, 3)), before.mean(dim=(2, 3)) - 0.5, atol=0.6)
    assert torch.allclose(after.std(dim=(2, 3)), 0.15 * before.std(dim=(2, 3)), atol=0.4)


def test_pixelate_and_jpeg_are_those_of_pil(images: Tensor) -> None:
    image = Image.fromarray(images[0].permute(1, 2, 0).numpy())
    coarse = image.resize((20, 20), Image.Resampling.BOX).resize((32, 32), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)

    pixelated, compressed = (corrupt(images, name, 5, 0, range(6))[0] for name in ("pixelate", "jpeg_compression"))

    np.testing.assert_array_equal(pixelated.permute(1, 2, 0), np.asarray(coarse))
    np.testing.assert_array_equal(compressed.permute(1, 2, 0), np.asarray(Image.open(file)))


def test_elastic_displacements_are_those_of_map_coordinates(images: Tensor) -> None:
    grid = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1) + np.random.default_rng(0).normal(
        0, 2, (32, 32, 2)
    )
    pixels = images[:1].float() / 255

    for about_centres, mode in ((True, "mirror"), (False, "reflect")):
        found = sampled(pixels, grid[None], about_centres=about_centres)[0].numpy()
        for channel in range(3):
            expected = ndimage.map_coordinates(
                pixels[0, channel].numpy(), [grid[..., 1], grid[..., 0]], order=1, mode=mode
            )
            np.testing.assert_allclose(found[channel], expected, atol=1e-5)


def test_fog_lightens_and_keeps_the_brightest_value_in_reach(images: Tensor) -> None:
    dark = torch.full((4, 1, 32, 32), 60, dtype=torch.uint8)

    fogged = corrupt(dark, "fog", 5, 0, range(4)).float()

    assert float(fogged.max()) <= 60
    assert float(fogged.std()) > 3


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 48), (4, 32, 32)])
def test_any_size_and_number_of_channels_works_or_says_why_not(shape: tuple[int, int, int]) -> None:
    images = torch.randint(0, 256, (2, *shape), dtype=torch.uint8)
    for name in CORRUPTIONS:
        if reason := impossible(name, shape):
            with pytest.raises(DataError, match=f"{name}: {reason}"):
                corrupt(images, name, 5, 0, [0, 1])
        else:
            assert corrupt(images, name, 5, 0, [0, 1]).shape == images.shape


def test_small_grey_digits_cannot_take_the_corruptions_that_need_size_or_colour() -> None:
    assert [name for name in STANDARD if impossible(name, (1, 8, 8))] == ["motion_blur"]
    assert impossible("saturate", (1, 8, 8)) == "it needs colour images"


def test_the_benchmark_is_complete_at_both_sizes() -> None:
    assert len(STANDARD) == 15
    assert len(EXTRA) == 4
    assert {*STANDARD, *EXTRA} == SMALL.keys() == LARGE.keys() == CORRUPTIONS.keys()
    assert all(len(constants[name]) == 5 for constants in (SMALL, LARGE) for name in CORRUPTIONS)


@pytest.mark.parametrize(("side", "sigma"), [(84, 0.10), (85, 0.38)])
def test_images_nearer_to_224_pixels_get_the_constants_of_the_large_ones(side: int, sigma: float) -> None:
    grey = torch.full((4, 3, side, side), 128, dtype=torch.uint8)

    noise = corrupt(grey, "gaussian_noise", 5, 0, range(4)).float() / 255

    # cut to [−½, ½], a normal variable with σ = 0.38 has the variance 0.37·σ² + 0.188·¼, a standard deviation of 0.317
    assert float(noise.std()) == pytest.approx({0.10: 0.10, 0.38: 0.317}[sigma], rel=0.02)


def test_the_disk_of_large_images_averages_over_ten_pixels_around() -> None:
    square = torch.zeros(1, 3, 96, 96, dtype=torch.uint8)
    square[:, :, 40:57, 40:57] = 255

    blurred = corrupt(square, "defocus_blur", 5, 0, [0])[0, 0]

    # the square of 17×17 lies wholly within the disk of radius 10 about its centre but for its corners
    row, column = np.mgrid[-8:9, -8:9]
    inside = (row**2 + column**2 <= 100).sum()
    disk = (np.hypot(*np.mgrid[-10:11, -10:11]) <= 10).sum()
    assert abs(float(blurred[48, 48]) / 255 - inside / disk) < 0.01


def test_clouds_without_noise_at_fine_steps_are_halfway_between_their_corners() -> None:
    noise = np.zeros((1, 4, 4))
    noise[0, 2, 2] = 1  # the first centre, among corners of height 0

    (cloud,) = clouds(noise, decay=2)

    assert cloud[0, 0] == 0
    assert cloud[2, 2] == 1
    assert cloud[0, 2] == cloud[2, 0] == 0.5  # two corners of 0, and the centre twice, for clouds wrap around
    assert cloud[1, 1] == pytest.approx((0 + 0.5 + 0.5 + 1) / 4)
