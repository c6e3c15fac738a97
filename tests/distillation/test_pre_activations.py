from collections.abc import Callable

import pytest
import torch
from torch import nn

from robustkd.data import Batch
from robustkd.distillation.pre_activations import features_before_rectifiers, places_before_rectifiers
from robustkd.errors import ModelError
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def test_a_resnets_blocks_are_taken_before_the_rectifier_of_the_sum(networks: Networks, batch: Batch) -> None:
    model = networks("cifar_resnet14", "cifar_resnet8")[0].eval()

    places = places_before_rectifiers(model, (1, 2, 3))
    logits, features = features_before_rectifiers(model, places, batch.pixels)

    outputs = model.outputs(batch.pixels)
    assert [place.norm for place in places] == [getattr(model.module, f"stage{number}")[-1].bn2 for number in (1, 2, 3)]
    assert torch.equal(logits, outputs.logits)
    for block, before in zip(outputs.blocks[1:], features, strict=True):
        assert before.min() < 0
        assert torch.equal(before.relu(), block)


def test_a_wide_resnets_blocks_are_taken_after_the_next_normalisation(networks: Networks, batch: Batch) -> None:
    model = networks("cifar_wrn_10_1", "cifar_resnet8")[0].eval()

    places = places_before_rectifiers(model, (1, 2, 3))
    _, features = features_before_rectifiers(model, places, batch.pixels)

    network, blocks = model.module, model.outputs(batch.pixels).blocks[1:]
    norms = [network.stage2[0].bn1, network.stage3[0].bn1, network.norm]
    assert [place.norm for place in places] == norms
    for norm, block, before in zip(norms, blocks, features, strict=True):
        assert torch.equal(before, norm(block))


def test_a_rectifier_that_works_in_place_does_not_change_them(networks: Networks) -> None:
    model = networks("resnet18", "cifar_resnet8")[0].eval()
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    places = places_before_rectifiers(model, (1, 2, 3))
    for place in places:  # timm begins with 0, which would leave the shortcut alone
        nn.init.ones_(place.norm.weight)
    _, features = features_before_rectifiers(model, places, pixels)

    assert all(place.rectifier.inplace for place in places)
    for block, before in zip(model.outputs(pixels).blocks[-3:], features, strict=True):
        assert before.min() < 0
        torch.testing.assert_close(before.relu(), block)


def test_training_updates_the_statistics_once(networks: Networks, batch: Batch) -> None:
    model = networks("cifar_wrn_10_1", "cifar_resnet8")[0].train()
    places = places_before_rectifiers(model, (1, 2, 3))
    before = [int(place.norm.num_batches_tracked) for place in places]

    features_before_rectifiers(model, places, batch.pixels)

    assert before == [0, 0, 0]
    assert [int(place.norm.num_batches_tracked) for place in places] == [1, 1, 1]


def test_no_hook_is_left_behind(networks: Networks, batch: Batch) -> None:
    model = networks("cifar_resnet8", "cifar_resnet8")[0]

    features_before_rectifiers(model, places_before_rectifiers(model, (1, 2, 3)), batch.pixels)

    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("architecture", ["mobilenetv3_small_050", "vit_tiny_patch16_224"])
def test_other_networks_are_refused(architecture: str, networks: Networks) -> None:
    with pytest.raises(ModelError, match=f"block 1 of {architecture} is not followed by a batch normalisation"):
        places_before_rectifiers(networks(architecture, "cifar_resnet8")[0], (1, 2, 3))


def test_a_block_whose_normalisation_has_no_scale_is_refused(networks: Networks) -> None:
    model = networks("cifar_wrn_10_1", "cifar_resnet8")[0]
    model.module.norm = nn.BatchNorm2d(64, affine=False)

    with pytest.raises(ModelError, match="block 3 of cifar_wrn_10_1"):
        places_before_rectifiers(model, (1, 2, 3))
