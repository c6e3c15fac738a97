"""Which of our networks the weights of widely used CIFAR code bases are, by the names and shapes of their tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import timm
import torch
from torch import Tensor

State = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Recognised:
    """Weights of another code base, under our names.

    Attributes:
        code_base: Where such names come from.
        architecture: Our network.
        options: Its options.
        state: The weights, under the names of our network.
    """

    code_base: str
    architecture: str
    state: dict[str, Tensor]
    options: dict[str, Any] = field(default_factory=dict)


def recognise(state: State) -> Recognised | None:
    """Find our network for the weights of another code base.

    Args:
        state: The weights, without wrappings and prefixes.

    Returns:
        The network and the renamed weights; None if the names are those of no known code base.
    """
    rules = (_resnet, _preact_resnet, _wide_resnet, _vgg, _mobilenet, _shufflenet, _efficientnet)
    found = (rule(state) for rule in rules)
    return next((each for each in found if each is not None), None)


def whose(state: State) -> str:
    """Say whose weights these look like, if robustkd has no such network; empty if nothing is known."""
    if "layer4.0.conv1.weight" in state and "linear.weight" in state:
        return "a four-stage network of kuangliu's pytorch-cifar"
    if any(name.startswith("conv2_x.") for name in state):
        return "a network of weiaicunzai's pytorch-cifar100"
    if "block0.0.weight" in state:
        return "a VGG without batch normalisation of RepDistiller"
    if "features.0.weight" in state and "features.1.running_var" in state:
        return "a VGG of kuangliu's pytorch-cifar or chenyaofo's pytorch-cifar-models"
    return ""


def _resnet(state: State) -> Recognised | None:
    """ResNets of depth 6n+2, with the names of torchvision's or of kuangliu's."""
    head = next((name for name in ("linear", "fc") if f"{name}.weight" in state), None)
    blocks = _blocks(state, r"layer1\.(\d+)\.conv1\.weight")
    known = {"bn1.weight", "layer3.0.bn2.weight"} <= state.keys()
    if head is None or not blocks or not known or "layer4.0.conv1.weight" in state or "layer1.0.conv3.weight" in state:
        return None
    width = len(state["layer1.0.conv1.weight"]) // 16
    projects = any(re.search(r"\.(downsample|shortcut)\.0\.weight", name) for name in state)
    options: dict[str, Any] = {} if projects else {"shortcut": "zero_pad"}
    if (stem_width := len(state["conv1.weight"])) != 16 * width:
        options["stem_width"] = stem_width
    names: list[Rule] = [
        (r"conv1\.", "stem.conv."),
        (r"bn1\.", "stem.bn."),
        (r"layer(\d)\.(\d+)\.(downsample|shortcut)\.", r"stage\1.\2.shortcut."),
        (r"layer(\d)\.", r"stage\1."),
        (rf"{head}\.", "fc."),
    ]
    ours = f"cifar_resnet{6 * blocks + 2}{f'x{width}' if width > 1 else ''}"
    code_base = "akamaster's pytorch_resnet_cifar10" if head == "linear" else "pytorch-cifar-models or RepDistiller"
    return Recognised(code_base, ours, _renamed(state, names), options)


def _preact_resnet(state: State) -> Recognised | None:
    """ResNets with pre-activation, as in bearpaw's pytorch-classification and gnosis."""
    blocks = _blocks(state, r"layer1\.(\d+)\.conv1\.weight")
    if not blocks or not {"bn.weight", "fc.weight", "layer3.0.bn1.weight"} <= state.keys() or "bn1.weight" in state:
        return None
    depth = 9 * blocks + 2 if "layer1.0.conv3.weight" in state else 6 * blocks + 2

    def inside(found: re.Match[str]) -> str:
        stage, block, kind, place = found.groups()
        return f"stage{stage}.{block}.residual.{3 * int(place) - (3 if kind == 'bn' else 1)}."

    names: list[Rule] = [
        (r"conv1\.", "stem.conv."),
        (r"bn\.", "norm."),
        (r"layer(\d)\.(\d+)\.downsample\.0\.", r"stage\1.\2.shortcut."),
        (r"layer(\d)\.(\d+)\.(bn|conv)(\d)\.", inside),
    ]
    return Recognised("gnosis", f"cifar_preact_resnet{depth}", _renamed(state, names))


def _wide_resnet(state: State) -> Recognised | None:
    """Wide ResNets, as in RepDistiller and mdistiller."""
    blocks = _blocks(state, r"block1\.layer\.(\d+)\.conv1\.weight")
    if not blocks or not {"conv1.weight", "bn1.weight", "fc.weight"} <= state.keys():
        return None
    width = len(state["block1.layer.0.conv1.weight"]) // 16
    names: list[Rule] = [
        (r"conv1\.", "stem.conv."),
        (r"bn1\.", "norm."),
        (r"block(\d)\.layer\.(\d+)\.convShortcut\.", r"stage\1.\2.shortcut."),
        (r"block(\d)\.layer\.", r"stage\1."),
    ]
    return Recognised("RepDistiller or mdistiller", f"cifar_wrn_{6 * blocks + 4}_{width}", _renamed(state, names))


def _vgg(state: State) -> Recognised | None:
    """VGGs with batch normalisation, as in RepDistiller and mdistiller."""
    if not {"block0.1.running_var", "block4.1.running_var", "classifier.weight"} <= state.keys():
        return None
    layers = sum(tensor.ndim == 4 for tensor in state.values())
    depth = layers + 3  # the paper counts three fully connected layers

    def inside(found: re.Match[str]) -> str:
        group, layer = map(int, found.groups())
        return f"stage{group}.{layer + (1 if group < 4 else 0)}."  # a pooling comes first, but in the last group

    names: list[Rule] = [(r"block0\.", "stem."), (r"block(\d)\.(\d+)\.", inside), (r"classifier\.", "fc.")]
    return Recognised("RepDistiller or mdistiller", f"cifar_vgg{depth}", _renamed(state, names))


def _mobilenet(state: State) -> Recognised | None:
    """MobileNetV2, as in RepDistiller and mdistiller."""
    if not {"blocks.6.0.conv.7.running_var", "conv2.1.weight", "classifier.0.weight"} <= state.keys():
        return None
    from robustkd.models.networks.mobilenetv2 import GROUPS, STAGES

    places = {}
    for stage, groups in enumerate(STAGES):
        before = 0
        for group in groups:
            places[group] = (stage + 1, before)
            before += GROUPS[group][2]

    def inside(found: re.Match[str]) -> str:
        group, block = map(int, found.groups())
        stage, before = places[group]
        return f"stage{stage}.{before + block}.residual."

    names: list[Rule] = [
        (r"conv1\.", "stem."),
        (r"conv2\.", "norm."),
        (r"blocks\.(\d)\.(\d+)\.conv\.", inside),
        (r"classifier\.0\.", "fc."),
    ]
    width = len(state["conv1.0.weight"]) / 32
    options = {} if width == 0.5 else {"width": width}
    return Recognised("RepDistiller or mdistiller", "cifar_mobilenetv2", _renamed(state, names), options)


def _shufflenet(state: State) -> Recognised | None:
    """The two ShuffleNets, as in kuangliu's pytorch-cifar, RepDistiller and mdistiller."""
    if not {"layer3.1.conv3.weight", "layer1.0.bn3.weight", "linear.weight"} <= state.keys():
        return None
    if state["conv1.weight"].shape[0] != 24 or "layer4.0.conv1.weight" in state:
        return None
    second = "conv2.weight" in state
    # of each convolution: its branch and its place there; the normalisation follows it
    whole = {"1": ("residual", 0), "2": ("residual", 3 if second else 4), "3": ("residual", 5 if second else 7)}
    first = {"1": ("left", 0), "2": ("left", 2), "3": ("right", 0), "4": ("right", 3), "5": ("right", 5)}

    def inside(found: re.Match[str]) -> str:
        stage, block, kind, place = found.groups()
        branch, at = (first if second and block == "0" else whole)[place]
        return f"stage{stage}.{block}.{branch}.{at + (kind == 'bn')}."

    names: list[Rule] = [
        (r"conv1\.", "stem.0."),
        (r"bn1\.", "stem.1."),
        (r"conv2\.", "norm.0."),
        (r"bn2\.", "norm.1."),
        (r"layer(\d)\.(\d+)\.(bn|conv)(\d)\.", inside),
        (r"linear\.", "fc."),
    ]
    return Recognised("RepDistiller or mdistiller", f"cifar_shufflenetv{1 + second}", _renamed(state, names))


def _efficientnet(state: State) -> Recognised | None:
    """EfficientNets, as in EfficientNet-PyTorch and efficientnet-lite-pytorch, which pad as TensorFlow does."""
    if not {"_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_fc.weight"} <= state.keys():
        return None
    lite = not any("._se_reduce." in name for name in state)
    sizes = [f"lite{size}" for size in range(5)] if lite else [f"b{size}" for size in range(8)]
    for architecture in (f"tf_efficientnet_{size}" for size in sizes):
        with torch.device("meta"):
            expected = timm.create_model(architecture, num_classes=len(state["_fc.weight"])).state_dict()
        renamed = _renamed(state, _efficientnet_rules([name for name in expected if name.endswith("conv_dw.weight")]))
        if {name: tensor.shape for name, tensor in renamed.items()} == {
            name: tensor.shape for name, tensor in expected.items()
        }:
            return Recognised("EfficientNet-PyTorch or efficientnet-lite-pytorch", architecture, renamed)
    return None


def _efficientnet_rules(depthwise: list[str]) -> list[Rule]:
    """The rules for a network of timm with these depthwise convolutions, one for each block in order."""
    separable = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    inverted = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2"}
    inverted |= {"_project_conv": "conv_pwl", "_bn2": "bn3"}
    squeeze = {"_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}

    def inside(found: re.Match[str]) -> str:
        block, part = int(found[1]), found[2]
        if block >= len(depthwise):
            return found[0]
        place = depthwise[block].removesuffix("conv_dw.weight")
        names = (separable if place.startswith("blocks.0.") else inverted) | squeeze
        return f"{place}{names.get(part, part)}."

    return [
        (r"_conv_stem\.", "conv_stem."),
        (r"_bn0\.", "bn1."),
        (r"_blocks\.(\d+)\.(\w+)\.", inside),
        (r"_conv_head\.", "conv_head."),
        (r"_bn1\.", "bn2."),
        (r"_fc\.", "classifier."),
    ]


Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""How a name begins, and what it is replaced by."""


def _renamed(state: State, rules: list[Rule]) -> dict[str, Tensor]:
    """Rename by the first rule that fits; other names stay."""
    found = {}
    for name, tensor in state.items():
        pattern, replacement = next((rule for rule in rules if re.match(rule[0], name)), ("(?!)", ""))
        found[re.sub(f"^{pattern}", replacement, name)] = tensor
    return found


def _blocks(state: State, pattern: str) -> int:
    """The number of names that fit a pattern."""
    return sum(re.fullmatch(pattern, name) is not None for name in state)
