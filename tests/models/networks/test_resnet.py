from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustkd.models import create_model
from robustkd.models.networks.resnet import ZeroPadShortcut

Unsettle = Callable[[nn.Module], nn.Module]


@pytest.fixture
def network(unsettle: Unsettle) -> Any:
    torch.manual_seed(0)
    return unsettle(timm.create_model("cifar_resnet8")).double().eval()


@pytest.fixture
def images(pixels: Tensor) -> Tensor:
    return pixels.double()


@pytest.mark.parametrize(
    ("name", "num_classes", "options", "parameters"),
    [
        ("cifar_resnet8", 10, {}, 78_042),
        ("cifar_resnet14", 10, {}, 175_258),
        ("cifar_resnet20", 10, {}, 272_474),
        ("cifar_resnet26", 10, {}, 369_690),
        ("cifar_resnet8", 10, {"shortcut": "zero_pad"}, 75_290),
        ("cifar_resnet14", 10, {"shortcut": "zero_pad"}, 172_506),
        ("cifar_resnet20", 10, {"shortcut": "zero_pad"}, 269_722),
        ("cifar_resnet26", 10, {"shortcut": "zero_pad"}, 366_938),
        ("cifar_resnet8x4", 100, {}, 1_250_724),
        ("cifar_resnet8x4", 100, {"stem_width": 32}, 1_233_540),
        ("cifar_resnet8_ruffy2019", 10, {}, 89_322),
        ("cifar_resnet20_ruffy2019", 10, {}, 283_754),
        ("cifar_resnet26_ruffy2019", 10, {}, 380_970),
        ("cifar_resnet18", 10, {}, 11_173_962),
        ("cifar_resnet14x4", 100, {}, 2_800_804),
        ("cifar_resnet20x4", 100, {}, 4_350_884),
        ("cifar_resnet26x4", 100, {}, 5_900_964),
    ],
)
def test_it_has_as_many_parameters_as_the_paper_needs(
    name: str, num_classes: int, options: dict[str, str], parameters: int
) -> None:
    assert create_model(name, num_classes=num_classes, options=options).num_parameters == parameters


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_zero_padding_is_what_he_et_al_count_in_table_6(depth: int, millions: float) -> None:
    model = create_model(f"cifar_resnet{depth}", num_classes=10, options={"shortcut": "zero_pad"})

    assert round(model.num_parameters / 1e6, 1 if depth == 110 else 2) == millions


def test_that_of_ruffy2019_classifies_what_is_pooled_to_two_by_two(images: Tensor) -> None:
    model = timm.create_model("cifar_resnet8_ruffy2019").double().eval()

    features = model.forward_features(images)

    pooled = F.avg_pool2d(features, features.shape[-1] // 2).flatten(1)
    assert torch.allclose(model(images), F.linear(pooled, model.fc.weight, model.fc.bias))


@pytest.mark.parametrize("depth", [8, 14, 20, 26, 32, 44, 56, 110])
def test_its_name_tells_how_many_layers_with_weights_it_has(depth: int) -> None:
    modules = timm.create_model(f"cifar_resnet{depth}", shortcut="zero_pad").modules()

    assert sum(isinstance(module, nn.Conv2d | nn.Linear) for module in modules) == depth


def norm(x: Tensor, layer: Any) -> Tensor:
    scale = layer.weight / torch.sqrt(layer.running_var + 1e-5)
    return (x - layer.running_mean[:, None, None]) * scale[:, None, None] + layer.bias[:, None, None]


def test_its_outputs_are_those_of_the_papers_equations(network: Any, images: Tensor) -> None:
    x = norm(F.conv2d(images, network.stem.conv.weight, padding=1), network.stem.bn).clamp(min=0)
    blocks = [x]
    for block, stride in ((network.stage1[0], 1), (network.stage2[0], 2), (network.stage3[0], 2)):
        hidden = norm(F.conv2d(x, block.conv1.weight, stride=stride, padding=1), block.bn1).clamp(min=0)
        residual = norm(F.conv2d(hidden, block.conv2.weight, padding=1), block.bn2)
        if stride == 2:
            x = norm(F.conv2d(x, block.shortcut[0].weight, stride=2), block.shortcut[1])
        x = (residual + x).clamp(min=0)
        blocks.append(x)
    logits = x.mean(dim=(2, 3)) @ network.fc.weight.T + network.fc.bias

    taps = network.forward_intermediates(images, intermediates_only=True)

    for tap, block in zip(taps, blocks, strict=True):
        torch.testing.assert_close(tap, block)
    torch.testing.assert_close(network(images), logits)


def test_blocks_are_rectified(network: Any, images: Tensor) -> None:
    taps = network.forward_intermediates(images, intermediates_only=True)

    for tap in taps:
        assert (tap >= 0).all()
        assert 0.05 < (tap == 0).double().mean() < 0.95


def test_a_zero_pad_shortcut_subsamples_and_fills_up_with_zero_channels() -> None:
    x = torch.rand(2, 3, 6, 6)

    y = ZeroPadShortcut(missing_channels=5, stride=2)(x).numpy()

    expected = np.zeros((2, 8, 3, 3), np.float32)
    expected[:, 2:5] = x.numpy()[:, :, ::2, ::2]
    np.testing.assert_array_equal(y, expected)


def test_zero_pad_shortcuts_work_in_the_network(pixels: Tensor) -> None:
    network = timm.create_model("cifar_resnet8", shortcut="zero_pad").eval()

    assert network(pixels).shape == (4, 10)
    assert isinstance(network.stage1[0].shortcut, nn.Identity)
    assert isinstance(network.stage2[0].shortcut, ZeroPadShortcut)


def test_an_unknown_shortcut_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"projection.*zero_pad.*got 'magic'"):
        timm.create_model("cifar_resnet8", shortcut="magic")
