"""Weights with the names of other code bases, loaded without naming an architecture, give the same logits."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import create_model, load_model
from robustkd.models.checkpoints.code_bases import recognise


class TheirBlock(nn.Module):
    """A basic block as these code bases name its layers."""

    def __init__(self, inputs: int, outputs: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.changes, self.stride, self.name = inputs != outputs or stride > 1, stride, shortcut
        if self.changes and shortcut:
            project = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            self.add_module(shortcut, project)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if not self.changes:
            return F.relu(y + x)
        if self.name:
            return F.relu(y + self.get_submodule(self.name)(x))
        missing = (y.shape[1] - x.shape[1]) // 2
        return F.relu(y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, missing, missing)))


class TheirResNet(nn.Module):
    def __init__(self, blocks: int, stem: int, width: int, shortcut: str, head: str) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem)
        channels, self.head = (stem, width, 2 * width, 4 * width), head
        for index, stride in enumerate((1, 2, 2)):
            before, after = channels[index], channels[index + 1]
            layer = [TheirBlock(before, after, stride, shortcut)]
            layer += [TheirBlock(after, after, 1, shortcut) for _ in range(blocks - 1)]
            self.add_module(f"layer{index + 1}", nn.Sequential(*layer))
        self.add_module(head, nn.Linear(channels[-1], 10))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for index in (1, 2, 3):
            x = self.get_submodule(f"layer{index}")(x)
        return self.get_submodule(self.head)(x.mean(dim=(2, 3)))


class TheirPreactBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, kernels: tuple[int, ...]) -> None:
        super().__init__()
        inner = outputs if len(kernels) == 2 else outputs // 4
        widths, self.count = (inputs, *[inner] * (len(kernels) - 1), outputs), len(kernels)
        for index, kernel in enumerate(kernels):
            self.add_module(f"bn{index + 1}", nn.BatchNorm2d(widths[index]))
            step = stride if kernel == 3 and (index == 0 or len(kernels) == 3) else 1
            convolution = nn.Conv2d(widths[index], widths[index + 1], kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{index + 1}", convolution)
        changes = inputs != outputs or stride > 1
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for index in range(1, self.count + 1):
            y = self.get_submodule(f"conv{index}")(F.relu(self.get_submodule(f"bn{index}")(y)))
        return y + (x if self.downsample is None else self.downsample(x))


class TheirPreactResNet(nn.Module):
    def __init__(self, blocks: int, kernels: tuple[int, ...]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        expansion = 4 if len(kernels) == 3 else 1
        channels = (16, 16 * expansion, 32 * expansion, 64 * expansion)
        for index, stride in enumerate((1, 2, 2)):
            before, after = channels[index], channels[index + 1]
            layer = [TheirPreactBlock(before, after, stride, kernels)]
            layer += [TheirPreactBlock(after, after, 1, kernels) for _ in range(blocks - 1)]
            self.add_module(f"layer{index + 1}", nn.Sequential(*layer))
        self.bn, self.fc = nn.BatchNorm2d(channels[-1]), nn.Linear(channels[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.fc(F.relu(self.bn(x)).mean(dim=(2, 3)))


class TheirWideBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        activated = F.relu(self.bn1(x))
        y = self.conv2(F.relu(self.bn2(self.conv1(activated))))
        return y + (x if self.convShortcut is None else self.convShortcut(activated))


class TheirWideResNet(nn.Module):
    def __init__(self, blocks: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        channels = (16, 16 * width, 32 * width, 64 * width)
        for index, stride in enumerate((1, 2, 2)):
            before, after = channels[index], channels[index + 1]
            block, layers = nn.Module(), [TheirWideBlock(before, after, stride)]
            block.layer = nn.Sequential(*layers, *[TheirWideBlock(after, after, 1) for _ in range(blocks - 1)])
            self.add_module(f"block{index + 1}", block)
        self.bn1, self.fc = nn.BatchNorm2d(channels[-1]), nn.Linear(channels[-1], 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        for block in (self.block1, self.block2, self.block3):
            x = block.layer(x)
        return self.fc(F.relu(self.bn1(x)).mean(dim=(2, 3)))


class TheirVGG(nn.Module):
    """Groups end before the last rectifier."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        super().__init__()
        inputs = 3
        for index, (width, count) in enumerate(zip((64, 128, 256, 512, 512), counts, strict=True)):
            layers: list[nn.Module] = []
            for _ in range(count):
                layers += [nn.Conv2d(inputs, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                inputs = width
            self.add_module(f"block{index}", nn.Sequential(*layers[:-1]))
        self.classifier = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        for index in range(5):
            x = F.relu(self.get_submodule(f"block{index}")(x))
            x = F.max_pool2d(x, 2) if index < 3 else x
        return self.classifier(x.mean(dim=(2, 3)))


THEIRS: dict[str, Callable[[], nn.Module]] = {
    "cifar_resnet20 zero_pad": lambda: TheirResNet(3, 16, 16, "", "linear"),
    "cifar_resnet14 projection": lambda: TheirResNet(2, 16, 16, "downsample", "fc"),
    "cifar_resnet8x4 stem_width": lambda: TheirResNet(1, 32, 64, "downsample", "fc"),
    "cifar_preact_resnet20": lambda: TheirPreactResNet(3, (3, 3)),
    "cifar_preact_resnet56": lambda: TheirPreactResNet(6, (1, 3, 1)),
    "cifar_wrn_16_2": lambda: TheirWideResNet(2, 2),
    "cifar_vgg11": lambda: TheirVGG((1, 1, 2, 2, 2)),
}


@pytest.mark.parametrize("name", THEIRS)
def test_their_weights_give_their_logits(name: str, unsettle: Callable[[nn.Module], nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = unsettle(THEIRS[name]()).eval()
    torch.save(
        {"state_dict": {f"module.{key}": value for key, value in theirs.state_dict().items()}}, tmp_path / "x.th"
    )
    images = torch.rand(4, 3, 32, 32)

    ours = load_model(tmp_path / "x.th")

    assert ours.architecture == name.split()[0]
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


def test_an_architecture_that_is_named_is_compared_with_what_the_names_say(tmp_path: Path) -> None:
    torch.save(THEIRS["cifar_resnet14 projection"]().state_dict(), tmp_path / "x.pt")

    assert load_model(tmp_path / "x.pt", architecture="cifar_resnet14").architecture == "cifar_resnet14"
    with pytest.raises(ModelError, match=r"x\.pt: these are not the weights of a cifar_resnet20: .* a cifar_resnet14$"):
        load_model(tmp_path / "x.pt", architecture="cifar_resnet20", num_classes=10)


RENAMED = {
    "cifar_mobilenetv2": {
        "conv1.0.weight": "stem.0.weight",
        "blocks.0.0.conv.3.weight": "stage1.0.residual.3.weight",
        "blocks.1.1.conv.7.bias": "stage1.2.residual.7.bias",
        "blocks.4.2.conv.0.weight": "stage3.6.residual.0.weight",
        "blocks.6.0.conv.7.running_var": "stage4.3.residual.7.running_var",
        "conv2.1.weight": "norm.1.weight",
        "classifier.0.weight": "fc.weight",
    },
    "cifar_shufflenetv1": {
        "conv1.weight": "stem.0.weight",
        "bn1.bias": "stem.1.bias",
        "layer1.0.conv2.weight": "stage1.0.residual.4.weight",
        "layer1.0.bn3.weight": "stage1.0.residual.8.weight",
        "layer3.1.conv3.weight": "stage3.1.residual.7.weight",
        "linear.weight": "fc.weight",
    },
    "cifar_shufflenetv2": {
        "conv1.weight": "stem.0.weight",
        "conv2.weight": "norm.0.weight",
        "bn2.weight": "norm.1.weight",
        "layer1.0.bn2.weight": "stage1.0.left.3.weight",
        "layer1.0.bn3.weight": "stage1.0.right.1.weight",
        "layer2.0.conv5.weight": "stage2.0.right.5.weight",
        "layer3.1.conv2.weight": "stage3.1.residual.3.weight",
        "layer3.1.conv3.weight": "stage3.1.residual.5.weight",
        "linear.bias": "fc.bias",
        "linear.weight": "fc.weight",
    },
}


@pytest.mark.parametrize("name", RENAMED)
def test_names_of_other_families_become_ours(name: str) -> None:
    stems = {"conv1.0.weight": torch.zeros(16, 3, 3, 3), "conv1.weight": torch.zeros(24, 3, 1, 1)}
    theirs = {key: stems.get(key, torch.zeros(1)) for key in RENAMED[name]}

    found = recognise(theirs)

    assert found is not None
    assert found.architecture == name
    assert list(found.state) == list(RENAMED[name].values())
    assert found.state.keys() <= create_model(name, num_classes=10).module.state_dict().keys()


@pytest.mark.parametrize(
    ("names", "like"),
    [
        (["layer4.0.conv1.weight", "linear.weight"], "kuangliu's pytorch-cifar"),
        (["conv2_x.0.residual_function.0.weight"], "weiaicunzai's pytorch-cifar100"),
        (["features.0.weight", "features.1.running_var"], "a VGG of kuangliu's"),
    ],
)
def test_weights_of_networks_that_are_not_ours_are_named_with_what_is_needed(
    names: list[str], like: str, tmp_path: Path
) -> None:
    torch.save({name: torch.zeros(2, 2) for name in names}, tmp_path / "x.pt")

    with pytest.raises(ModelError, match=rf"x\.pt: does not name its architecture \(it looks like that of .*{like}"):
        load_model(tmp_path / "x.pt")


def test_the_architecture_that_fits_is_found_among_those_of_similar_names(tmp_path: Path) -> None:
    import timm

    torch.save(timm.create_model("resnet18", num_classes=7).state_dict(), tmp_path / "x.pt")

    with pytest.raises(ModelError, match=r"not the weights of a resnet34: .*; they are those of a resnet18$"):
        load_model(tmp_path / "x.pt", architecture="resnet34")


def in_the_names_of_efficientnet_pytorch(network: nn.Module) -> dict[str, Tensor]:
    """The weights of one of timm's EfficientNets, numbered through and named by the kinds of layers."""
    named = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    parts = {theirs: network.get_submodule(ours).state_dict() for ours, theirs in named.items()}
    blocks = [block for stage in network.get_submodule("blocks").children() for block in stage.children()]
    for number, block in enumerate(blocks):
        layers = dict(block.named_children())
        expands = "conv_pwl" in layers
        kinds = ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
        ours = ["conv_dw", "bn2", "conv_pwl", "bn3"] if expands else ["conv_dw", "bn1", "conv_pw", "bn2"]
        if expands:
            kinds, ours = ["_expand_conv", "_bn0", *kinds], ["conv_pw", "bn1", *ours]
        for mine, theirs in zip(ours, kinds, strict=True):
            parts[f"_blocks.{number}.{theirs}"] = layers[mine].state_dict()
        if dict(layers["se"].named_children()):
            for kind in ("reduce", "expand"):
                parts[f"_blocks.{number}._se_{kind}"] = layers["se"].get_submodule(f"conv_{kind}").state_dict()
    return {f"{place}.{name}": tensor for place, state in parts.items() for name, tensor in state.items()}


@pytest.mark.parametrize("architecture", ["tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_b0"])
def test_efficientnets_are_found_by_the_number_and_the_width_of_their_blocks(
    architecture: str, tmp_path: Path, pixels: Tensor
) -> None:
    import timm

    torch.manual_seed(0)
    network = timm.create_model(architecture, num_classes=5).eval()
    torch.save(in_the_names_of_efficientnet_pytorch(network), tmp_path / "x.pt")

    loaded = load_model(tmp_path / "x.pt")

    assert loaded.architecture == architecture
    assert torch.allclose(loaded(pixels), network(pixels))
