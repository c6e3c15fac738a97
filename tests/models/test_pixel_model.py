from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model

ARCHITECTURE = "cifar_wrn_10_1"


class Gives(nn.Module):
    """A network that gives what a function makes of the logits."""

    def __init__(self, wrap: Callable[[Tensor], Any] = lambda logits: logits) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.wrap = wrap

    def forward(self, x: Tensor) -> Any:
        return self.wrap(self.linear(x.mean(dim=(2, 3))))


def model(**changed: Any) -> PixelModel:
    return create_model(**{"architecture": ARCHITECTURE, "num_classes": 4, "seed": 0, **changed}).eval()


channels = st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3)
positive_channels = st.lists(st.floats(0.0625, 2, width=32), min_size=3, max_size=3)


@given(mean=channels, std=positive_channels)
def test_each_channel_loses_its_mean_and_is_divided_by_its_std(mean: list[float], std: list[float]) -> None:
    pixels = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))

    prepared = PixelModel(nn.Identity(), mean=mean, std=std).prepare(pixels)

    expected = (pixels.numpy().astype(float) - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    np.testing.assert_allclose(prepared, expected, rtol=1e-5, atol=1e-6)


def test_a_mean_alone_is_subtracted(pixels: Tensor) -> None:
    prepared = PixelModel(nn.Identity(), mean=(0.1, 0.2, 0.3)).prepare(pixels)

    torch.testing.assert_close(prepared, pixels - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1))


def test_a_std_alone_divides(pixels: Tensor) -> None:
    prepared = PixelModel(nn.Identity(), std=(0.5, 0.25, 0.2)).prepare(pixels)

    torch.testing.assert_close(prepared, pixels * torch.tensor([2.0, 4.0, 5.0]).view(3, 1, 1))


def test_without_mean_and_std_pixels_go_in_as_they_are(pixels: Tensor) -> None:
    assert torch.equal(PixelModel(nn.Identity()).prepare(pixels), pixels)


@pytest.mark.parametrize("std", [(0.2, 0.0, 0.2), (0.2, -0.1, 0.2), (0.2, float("nan"), 0.2)])
def test_a_std_that_is_not_positive_is_refused(std: tuple[float, ...]) -> None:
    with pytest.raises(ModelError, match="std must be positive"):
        PixelModel(nn.Identity(), mean=(0.0, 0.0, 0.0), std=std)


def test_a_mean_and_a_std_of_different_lengths_are_refused() -> None:
    with pytest.raises(ModelError, match="mean has 3 values and std 1"):
        PixelModel(nn.Identity(), mean=(0.5, 0.5, 0.5), std=(0.5,))


@pytest.mark.parametrize("size", [16, 20, 48])
def test_resizing_is_pillows_antialiased_bilinear(pixels: Tensor, size: int) -> None:
    prepared = PixelModel(nn.Identity(), image_size=size).prepare(pixels)

    expected = [
        [np.asarray(Image.fromarray(channel).resize((size, size), Image.Resampling.BILINEAR)) for channel in image]
        for image in pixels.numpy()
    ]
    np.testing.assert_allclose(prepared, expected, atol=1e-5)


def test_images_of_any_shape_become_square() -> None:
    assert PixelModel(nn.Identity(), image_size=8).prepare(torch.rand(1, 3, 6, 12)).shape == (1, 3, 8, 8)


def test_images_of_the_right_size_are_not_resized(pixels: Tensor) -> None:
    pixels = pixels.contiguous(memory_format=torch.channels_last)

    assert PixelModel(nn.Identity(), image_size=32).prepare(pixels) is pixels


def test_resizing_comes_before_normalisation(pixels: Tensor) -> None:
    both = PixelModel(nn.Identity(), mean=(0.5,) * 3, std=(0.1,) * 3, image_size=16).prepare(pixels)
    resized = PixelModel(nn.Identity(), image_size=16).prepare(pixels)

    torch.testing.assert_close(both, (resized - 0.5) / 0.1)


def test_the_network_gets_the_prepared_pixels(pixels: Tensor) -> None:
    network = Gives()
    wrapped = PixelModel(network, mean=(0.5,) * 3, std=(0.1,) * 3, image_size=16)

    assert torch.equal(wrapped(pixels), network(wrapped.prepare(pixels)))


def test_gradients_reach_the_pixels_through_the_preprocessing(pixels: Tensor) -> None:
    wrapped = PixelModel(Gives(), mean=(0.5,) * 3, std=(0.1,) * 3, image_size=16)
    pixels.requires_grad_()

    wrapped(pixels).sum().backward()

    assert pixels.grad is not None
    assert pixels.grad.abs().sum() > 0


@pytest.mark.parametrize(
    "wrap",
    [
        lambda logits: logits,
        lambda logits: {"logits": logits, "loss": 0.0},
        lambda logits: SimpleNamespace(logits=logits),
    ],
    ids=["tensor", "mapping", "attribute"],
)
def test_logits_are_taken_from_what_the_network_gives(wrap: Callable[[Tensor], Any], pixels: Tensor) -> None:
    network = Gives(wrap)

    assert torch.equal(PixelModel(network)(pixels), network.linear(pixels.mean(dim=(2, 3))))


@pytest.mark.parametrize(
    ("wrap", "form"),
    [
        (lambda logits: (logits, logits), "a tuple of 2"),
        (lambda logits: [logits], "a list of 1"),
        (lambda logits: {"output": logits}, "a mapping of output"),
        (lambda logits: None, "a NoneType"),
        (lambda logits: logits[0], r"a tensor of shape \(2,\)"),
        (lambda logits: logits[:, :, None], "a tensor of shape"),
    ],
    ids=["tuple", "list", "other key", "nothing", "one axis", "three axes"],
)
def test_anything_but_a_matrix_of_logits_is_refused(wrap: Callable[[Tensor], Any], form: str, pixels: Tensor) -> None:
    with pytest.raises(ModelError, match=rf"mine gives {form}.*, not logits of shape \(B, K\)"):
        PixelModel(Gives(wrap), architecture="mine")(pixels)


@pytest.mark.parametrize(
    ("architecture", "options", "maps", "features"),
    [
        ("cifar_resnet8", {}, 4, 64),
        ("cifar_wrn_10_1", {}, 4, 64),
        ("resnet18", {}, 5, 512),
        ("convnext_atto", {}, 4, 320),
        ("vit_tiny_patch16_224", {"img_size": 32}, 12, 192),
        ("mobilenetv3_small_050", {}, 5, 1024),
        ("efficientnet_b0", {}, 5, 1280),
        ("test_vit", {}, 6, 64),
    ],
)
def test_outputs_are_the_logits_of_forward_with_blocks_and_pooled_features(
    architecture: str, options: dict[str, Any], maps: int, features: int, pixels: Tensor
) -> None:
    network = model(architecture=architecture, options=options)

    with torch.no_grad():
        outputs, logits = network.outputs(pixels[:2]), network(pixels[:2])

    assert torch.equal(outputs.logits, logits)
    assert len(outputs.blocks) == maps
    assert all(block.ndim == 4 and len(block) == 2 for block in outputs.blocks)
    assert outputs.pooled.shape == (2, features)


def test_outputs_are_of_the_prepared_pixels(pixels: Tensor) -> None:
    network = model(mean=(0.5,) * 3, std=(0.1,) * 3, image_size=16)

    outputs = network.outputs(pixels)

    assert torch.equal(outputs.logits, network(pixels))
    assert torch.equal(outputs.blocks[0], network.module.stem(network.prepare(pixels)))


def test_the_classifier_makes_the_logits_of_the_pooled_features(pixels: Tensor) -> None:
    network = model()

    outputs = network.outputs(pixels)

    torch.testing.assert_close(network.module.fc(outputs.pooled), outputs.logits)


def test_a_network_that_gives_logits_only_has_no_outputs(pixels: Tensor) -> None:
    with pytest.raises(ModelError, match=r"mine gives logits only: .*forward_intermediates"):
        PixelModel(Gives(), architecture="mine").outputs(pixels)


@pytest.mark.parametrize("architecture", ["cifar_wrn_10_1", "resnet18", "mobilenetv3_small_050", "test_vit"])
def test_the_channels_of_the_blocks_are_known_beforehand(architecture: str) -> None:
    network = model(architecture=architecture)
    size = network.image_size or 32

    blocks = network.outputs(torch.rand(1, 3, size, size)).blocks

    assert network.block_channels == tuple(block.shape[1] for block in blocks)


def test_a_network_without_feature_info_does_not_say_its_channels() -> None:
    with pytest.raises(ModelError, match=r"mine does not state the channels of its blocks: .*num_chs"):
        _ = PixelModel(Gives(), architecture="mine").block_channels


def test_it_is_named_after_its_network_and_counts_its_parameters() -> None:
    wrapped = PixelModel(Gives())

    assert wrapped.architecture.startswith("Gives-")
    assert wrapped.num_parameters == 3 * 2 + 2
    assert wrapped.num_classes is None


def test_only_the_network_is_in_the_state_dict() -> None:
    names = PixelModel(Gives(), mean=(0.5,) * 3, std=(0.1,) * 3).state_dict().keys()

    assert set(names) == {"module.linear.weight", "module.linear.bias"}


def test_mean_and_std_move_with_the_network(pixels: Tensor) -> None:
    wrapped = PixelModel(Gives(), mean=(0.5,) * 3, std=(0.1,) * 3).double()

    assert wrapped.prepare(pixels.double()).dtype == torch.float64


def change_weight(network: PixelModel) -> None:
    network.module.stem.conv.weight.data[0, 0, 0, 0] += 1e-3


def change_statistic(network: PixelModel) -> None:
    network.module.norm.running_mean[0] += 1e-3


@pytest.mark.parametrize("change", [change_weight, change_statistic])
def test_the_digest_changes_with_any_number_in_the_network(change: Callable[[PixelModel], None]) -> None:
    network = model()
    before = network.digest()

    change(network)

    assert network.digest() != before


@pytest.mark.parametrize(
    "changed",
    [
        {"mean": (0.5, 0.5, 0.4)},
        {"std": (0.1, 0.1, 0.2)},
        {"image_size": 16},
        {"options": {"drop_rate": 0.2}},
        {"options": {"drop_rate": 0.1, "global_pool": "max"}},
        {"seed": 1},
        {"num_classes": 5},
    ],
    ids=str,
)
def test_the_digest_changes_with_all_that_determines_the_outputs(changed: dict[str, Any]) -> None:
    settings = {
        "mean": (0.5, 0.5, 0.5),
        "std": (0.1, 0.1, 0.1),
        "image_size": 24,
        "options": {"drop_rate": 0.1},
    }

    assert model(**{**settings, **changed}).digest() != model(**settings).digest()


def test_the_digest_changes_with_the_architecture() -> None:
    assert PixelModel(Gives(), architecture="a").digest() != PixelModel(Gives(), architecture="b").digest()


@pytest.mark.parametrize(
    "change",
    [
        lambda network: network.lineage.update(method="hinton", seed=3, file="somewhere.pth"),
        lambda network: network.train(),
        lambda network: network.requires_grad_(False),
        lambda network: network.to(memory_format=torch.channels_last),
        lambda network: network.outputs(torch.rand(2, 3, 16, 16)),
    ],
    ids=["lineage", "mode", "frozen", "memory layout", "use"],
)
def test_the_digest_does_not_change_with(change: Callable[[PixelModel], object]) -> None:
    network = model(options={"drop_rate": 0.1})
    before = network.digest()

    change(network)

    assert network.digest() == before


def test_the_digest_does_not_depend_on_the_order_of_options() -> None:
    first = model(options={"drop_rate": 0.1, "global_pool": "max"})
    second = model(options={"global_pool": "max", "drop_rate": 0.1})

    assert first.digest() == second.digest()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_networks_of_every_precision_have_a_digest_of_their_own(dtype: torch.dtype) -> None:
    assert model().to(dtype).digest() != model().digest()


def test_another_normalisation_leaves_the_network_and_its_settings_alone(pixels: Tensor) -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4))
    model = PixelModel(network, mean=[0.5], std=[0.5], image_size=32)

    other = model.normalised_by([0.1, 0.2, 0.3], [1.0, 2.0, 4.0], "bgr")

    blue_first = pixels[:, [2, 1, 0]]
    expected = (blue_first - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1)
    assert torch.allclose(other(pixels), network(expected))
    assert torch.equal(model.prepare(pixels), 2 * pixels - 1)
    assert (model.channel_order, other.image_size) == ("rgb", 32)
    assert len({each.digest() for each in (model, other, model.normalised_by(None, None, "bgr"))}) == 3


def test_an_unknown_order_of_channels_is_refused() -> None:
    with pytest.raises(ModelError, match="channel_order must be rgb or bgr, got 'gbr'"):
        PixelModel(nn.Identity(), channel_order="gbr")  # type: ignore[arg-type]
