from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustkd.models import create_model

Unsettle = Callable[[nn.Module], nn.Module]


@pytest.fixture
def network(unsettle: Unsettle) -> Any:
    torch.manual_seed(0)
    return unsettle(timm.create_model("cifar_wrn_10_1")).double().eval()


@pytest.fixture
def images(pixels: Tensor) -> Tensor:
    return pixels.double()


@pytest.mark.parametrize(
    ("name", "num_classes", "parameters"),
    [
        ("cifar_wrn_10_2", 10, 303_706),
        ("cifar_wrn_16_2", 10, 691_674),
        ("cifar_wrn_16_4", 10, 2_748_890),
        ("cifar_wrn_28_2", 10, 1_467_610),
        ("cifar_wrn_40_2", 10, 2_243_546),
        ("cifar_wrn_10_2", 100, 315_316),
        ("cifar_wrn_16_2", 100, 703_284),
        ("cifar_wrn_28_2", 100, 1_479_220),
        ("cifar_wrn_40_2", 100, 2_255_156),
    ],
)
def test_it_has_as_many_parameters_as_the_paper_needs(name: str, num_classes: int, parameters: int) -> None:
    assert create_model(name, num_classes=num_classes).num_parameters == parameters


@pytest.mark.parametrize("depth", [10, 16, 28, 40])
def test_its_name_tells_how_many_convolutions_it_has(depth: int) -> None:
    modules = timm.create_model(f"cifar_wrn_{depth}_2").modules()

    assert sum(isinstance(module, nn.Conv2d) for module in modules) == depth


def norm_relu(x: Tensor, norm: Any) -> Tensor:
    scale = norm.weight / torch.sqrt(norm.running_var + 1e-5)
    shifted = (x - norm.running_mean[:, None, None]) * scale[:, None, None] + norm.bias[:, None, None]
    return shifted.clamp(min=0)


def test_its_outputs_are_those_of_the_papers_equations(network: Any, images: Tensor) -> None:
    x = F.conv2d(images, network.stem.conv.weight, padding=1)
    blocks = [x]
    for block, stride in ((network.stage1[0], 1), (network.stage2[0], 2), (network.stage3[0], 2)):
        activated = norm_relu(x, block.bn1)
        hidden = norm_relu(F.conv2d(activated, block.conv1.weight, stride=stride, padding=1), block.bn2)
        shortcut = x if stride == 1 else F.conv2d(activated, block.shortcut.weight, stride=stride)
        x = F.conv2d(hidden, block.conv2.weight, padding=1) + shortcut
        blocks.append(x)
    logits = norm_relu(x, network.norm).mean(dim=(2, 3)) @ network.fc.weight.T + network.fc.bias

    taps = network.forward_intermediates(images, intermediates_only=True)

    for tap, block in zip(taps, blocks, strict=True):
        torch.testing.assert_close(tap, block)
    torch.testing.assert_close(network(images), logits)


def test_blocks_are_raw_residual_sums_of_both_signs(network: Any, images: Tensor) -> None:
    taps = network.forward_intermediates(images, intermediates_only=True)

    for tap in taps:
        assert 0.05 < (tap < 0).double().mean() < 0.95


def test_the_shortcut_projects_where_the_width_changes_and_only_there() -> None:
    narrow, wide = timm.create_model("cifar_wrn_10_1"), timm.create_model("cifar_wrn_16_2")

    assert narrow.stage1[0].shortcut is None
    assert wide.stage1[0].shortcut.weight.shape == (32, 16, 1, 1)
    assert wide.stage1[1].shortcut is None
    assert wide.stage2[0].shortcut.stride == (2, 2)


def test_the_head_on_the_normalised_rectified_last_block_gives_the_logits(network: Any, images: Tensor) -> None:
    last = network.forward_intermediates(images, indices=[3], intermediates_only=True)[0]

    logits = network.forward_head(norm_relu(last, network.norm))

    torch.testing.assert_close(logits, network(images))


def test_reading_the_blocks_changes_none_of_them(network: Any, images: Tensor) -> None:
    stem = network.stem(images)
    before = stem.clone()

    network.stage1(stem)

    assert torch.equal(stem, before)
