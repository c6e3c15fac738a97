from collections.abc import Callable

import pytest
import torch

from robustkd.distillation.blocks import paper_block, parameters_behind, probe, to_common_size
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model


def test_the_papers_networks_have_a_stem_and_three_blocks() -> None:
    assert [paper_block(("stem", "1", "2", "3"), number) for number in range(4)] == ["stem", "1", "2", "3"]


def test_blocks_of_other_networks_are_counted_from_the_end() -> None:
    assert [paper_block("abcdefg", number) for number in range(4)] == ["d", "e", "f", "g"]


def test_a_network_with_too_few_feature_maps_is_refused() -> None:
    with pytest.raises(ModelError, match="block 1 is feature map 3 from the end, and this network lists 2"):
        paper_block("ab", 1)


def test_maps_of_one_size_stay_as_they_are() -> None:
    first, second = torch.rand(2, 3, 4, 5), torch.rand(2, 1, 4, 5)

    pooled = to_common_size(first, second)

    assert pooled[0] is first
    assert pooled[1] is second


@pytest.mark.parametrize("larger_first", [True, False])
def test_the_larger_map_is_averaged_to_the_smaller(larger_first: bool) -> None:
    large, small = torch.arange(16.0).view(1, 1, 4, 4), torch.zeros(1, 1, 2, 2)

    pair = to_common_size(large, small) if larger_first else to_common_size(small, large)[::-1]

    assert pair[0].flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert pair[1] is small


def test_height_and_width_are_pooled_each_on_its_own() -> None:
    assert [each.shape[2:] for each in to_common_size(torch.rand(1, 1, 4, 2), torch.rand(1, 1, 2, 6))] == [(2, 2)] * 2


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (0, ("stem",)),
        (1, ("stem", "stage1")),
        (2, ("stem", "stage1", "stage2")),
        (3, ("stem", "stage1", "stage2", "stage3")),
    ],
)
@pytest.mark.parametrize("architecture", ["cifar_wrn_10_1", "cifar_resnet8"])
def test_a_block_depends_on_what_comes_before_it(architecture: str, number: int, parts: tuple[str, ...]) -> None:
    model = create_model(architecture, num_classes=10)

    found = parameters_behind(model, [number])

    expected = [parameter for name, parameter in model.module.named_parameters() if name.startswith(parts)]
    assert list(map(id, found)) == list(map(id, expected))


def test_frozen_parameters_are_not_asked_for() -> None:
    model = create_model("cifar_resnet8", num_classes=10)
    model.module.stem.requires_grad_(False)

    names = {id(parameter): name for name, parameter in model.module.named_parameters()}
    assert {names[id(each)].split(".")[0] for each in parameters_behind(model, [1])} == {"stage1"}


@pytest.mark.parametrize(
    "build",
    [
        lambda: create_model("cifar_resnet8", num_classes=10),
        lambda: create_model("cifar_resnet8", num_classes=10, in_chans=1),
        lambda: create_model("test_vit", num_classes=10),
        lambda: create_model("test_vit", num_classes=10, options={"img_size": 64}),
        lambda: create_model("resnet18", num_classes=10, image_size=48),
    ],
    ids=["CIFAR", "one channel", "fixed size", "chosen size", "resized"],
)
def test_a_network_is_probed_with_an_image_that_it_takes(build: Callable[[], PixelModel]) -> None:
    assert probe(build()).logits.shape == (1, 10)


def test_probing_leaves_mode_and_statistics_alone() -> None:
    model = create_model("cifar_resnet8", num_classes=10)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    probe(model)

    assert model.training
    assert model.module.stem.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
