"""The networks of the distillation literature, against the layers that the papers' tables list."""

import pickle
from math import prod
from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from robustkd.models import create_model

CLASSES = 100


def convolved(inputs: int, outputs: int, kernel: int = 1, groups: int = 1) -> int:
    """The parameters of a convolution without bias and its normalisation."""
    return prod((inputs // groups, outputs, kernel, kernel)) + 2 * outputs


def classified(features: int) -> int:
    return (features + 1) * CLASSES


def vgg(widths: tuple[int, ...]) -> int:
    """Every convolution has a bias."""
    return sum(convolved(a, b, 3) + b for a, b in zip((3, *widths[:-1]), widths, strict=True)) + classified(512)


def preact_basic(blocks: int) -> int:
    """Of each block: normalisation and convolution, twice; where the shape changes, a projection without either."""
    total, before = 3 * 16 * 9, 16
    for width in (16, 32, 64):
        total += before * width if before != width else 0
        for inputs in (before, *[width] * (blocks - 1)):
            total += 2 * inputs + inputs * width * 9 + 2 * width + width * width * 9
        before = width
    return total + 2 * 64 + classified(64)


def preact_bottleneck(blocks: int) -> int:
    total, before = 3 * 16 * 9, 16
    for width in (16, 32, 64):
        total += before * 4 * width
        for inputs in (before, *[4 * width] * (blocks - 1)):
            total += 2 * inputs + inputs * width + 2 * width + width * width * 9 + 2 * width + width * 4 * width
        before = 4 * width
    return total + 2 * 256 + classified(256)


def mobilenetv2(width: float) -> int:
    before = int(32 * width)
    total = convolved(3, before, 3)
    for expansion, channels, count in (
        *((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4)),
        *((6, 96, 3), (6, 160, 3), (6, 320, 1)),
    ):
        for _ in range(count):
            inner, after = before * expansion, int(channels * width)
            total += convolved(before, inner) + convolved(inner, inner, 3, inner) + convolved(inner, after)
            before = after
    return total + convolved(before, 1280) + classified(1280)


def shufflenetv1() -> int:
    total, before = convolved(3, 24), 24
    for width, count in ((240, 4), (480, 8), (960, 4)):
        for index in range(count):
            new = width - before if index == 0 else width
            inner = new // 4
            total += convolved(before, inner, groups=1 if before == 24 else 3)
            total += convolved(inner, inner, 3, inner) + convolved(inner, new, groups=3)
            before = width
    return total + classified(960)


def shufflenetv2() -> int:
    total, before = convolved(3, 24), 24
    for width, count in ((116, 3), (232, 7), (464, 3)):
        half = width // 2
        total += convolved(before, before, 3, before) + convolved(before, half)
        total += convolved(before, half) + convolved(half, half, 3, half) + convolved(half, half)
        total += count * (2 * convolved(half, half) + convolved(half, half, 3, half))
        before = width
    return total + convolved(464, 1024) + classified(1024)


@pytest.mark.parametrize(
    ("name", "options", "parameters"),
    [
        ("cifar_vgg8", {}, vgg((64, 128, 256, 512, 512))),
        ("cifar_vgg11", {}, vgg((64, 128, 256, 256, *[512] * 4))),
        ("cifar_vgg13", {}, vgg((64, 64, 128, 128, 256, 256, *[512] * 4))),
        ("cifar_vgg16", {}, vgg((64, 64, 128, 128, *[256] * 3, *[512] * 6))),
        ("cifar_vgg19", {}, vgg((64, 64, 128, 128, *[256] * 4, *[512] * 8))),
        ("cifar_preact_resnet20", {}, preact_basic(3)),
        ("cifar_preact_resnet56", {}, preact_bottleneck(6)),
        ("cifar_preact_resnet110", {}, preact_bottleneck(12)),
        ("cifar_mobilenetv2", {}, mobilenetv2(0.5)),
        ("cifar_mobilenetv2", {"width": 1.0}, mobilenetv2(1.0)),
        ("cifar_shufflenetv1", {}, shufflenetv1()),
        ("cifar_shufflenetv2", {}, shufflenetv2()),
    ],
)
def test_it_has_the_parameters_of_its_layers(name: str, options: dict[str, Any], parameters: int) -> None:
    assert create_model(name, num_classes=CLASSES, options=options).num_parameters == parameters


@pytest.mark.parametrize("size", [8, 32])
@pytest.mark.parametrize(
    "name", ["cifar_vgg8", "cifar_preact_resnet20", "cifar_mobilenetv2", "cifar_shufflenetv1", "cifar_shufflenetv2"]
)
def test_its_taps_have_the_channels_and_sizes_that_it_declares(name: str, size: int) -> None:
    model = timm.create_model(name).eval()
    images = torch.rand(2, 3, size, size)

    final, taps = model.forward_intermediates(images)

    assert model.forward_head(final).shape == (2, 10)
    for tap, info in zip(taps, model.feature_info, strict=True):
        assert tap.shape[1] == info["num_chs"]
        assert tap.shape[2] == max(size // info["reduction"], 1)


def test_the_function_of_a_network_can_be_imported_and_pickled() -> None:
    from robustkd.models.networks import vgg

    build = vgg.cifar_vgg8

    assert pickle.loads(pickle.dumps(build)) is build
    assert timm.models.model_entrypoint("cifar_vgg8") is build


def test_a_shuffle_takes_one_channel_of_each_group_in_turn() -> None:
    from robustkd.models.networks.shufflenet import Shuffle

    channels: Tensor = torch.arange(6.0).reshape(1, 6, 1, 1)

    assert Shuffle(3)(channels).flatten().tolist() == [0, 2, 4, 1, 3, 5]
    assert Shuffle(2)(channels).flatten().tolist() == [0, 3, 1, 4, 2, 5]


def test_a_preactivated_block_of_zeros_passes_its_input_unchanged() -> None:
    from robustkd.models.networks.preact_resnet import PreactivationBlock

    block = PreactivationBlock(8, 8, 1, kernels=(1, 3, 1)).eval()
    block.residual[-1].weight.data.zero_()
    images = torch.randn(2, 8, 4, 4)

    assert torch.equal(block(images), images)
