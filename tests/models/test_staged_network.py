from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
from timm.models import group_parameters
from torch import Tensor, nn

from robustkd.models import OWN_ARCHITECTURES

RESNET, WIDE_RESNET = "cifar_resnet8", "cifar_wrn_10_1"
STEM_AND_STAGES = [(16, 32), (16, 32), (32, 16), (64, 8)]  # (channels, height), for images of 32×32

pytestmark = pytest.mark.parametrize("name", [RESNET, WIDE_RESNET])
Unsettle = Callable[[nn.Module], nn.Module]


@pytest.fixture
def network(name: str, unsettle: Unsettle) -> Any:
    torch.manual_seed(0)
    return unsettle(timm.create_model(name)).eval()


def shapes(maps: list[Tensor]) -> list[tuple[int, int]]:
    assert all(each.shape[2] == each.shape[3] for each in maps)
    return [(each.shape[1], each.shape[2]) for each in maps]


def test_timm_knows_it_by_name(name: str) -> None:
    assert name in OWN_ARCHITECTURES
    assert name in timm.list_models()


def test_it_has_ten_classes_by_default(network: Any, pixels: Tensor) -> None:
    assert network.num_classes == 10
    assert network(pixels).shape == (4, 10)


def test_its_configuration_says_that_pixels_are_not_normalised(network: Any) -> None:
    assert network.default_cfg["mean"] == (0.0, 0.0, 0.0)
    assert network.default_cfg["std"] == (1.0, 1.0, 1.0)
    assert network.default_cfg["input_size"] == (3, 32, 32)


def test_its_configuration_names_the_first_convolution_and_the_classifier(network: Any) -> None:
    assert network.get_submodule(network.default_cfg["first_conv"]).weight.shape[1] == 3
    assert network.get_submodule(network.default_cfg["classifier"]).weight.shape[0] == 10


def test_no_classes_give_pooled_features(name: str, pixels: Tensor) -> None:
    network = timm.create_model(name, num_classes=0).eval()

    assert network.num_classes == 0
    assert network(pixels).shape == (4, network.num_features) == (4, 64)


def test_grey_images_are_taken(name: str) -> None:
    network = timm.create_model(name, in_chans=1).eval()

    assert network.in_chans == 1
    assert network(torch.rand(2, 1, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("size", [8, 28, 64])
def test_images_of_other_sizes_are_taken(network: Any, size: int) -> None:
    assert network(torch.rand(2, 3, size, size)).shape == (2, 10)


def test_the_classifier_can_be_replaced(network: Any, pixels: Tensor) -> None:
    network.reset_classifier(7)

    assert network.num_classes == 7
    assert network.get_classifier() is network.fc
    assert network(pixels).shape == (4, 7)


def test_the_classifier_can_be_removed(network: Any, pixels: Tensor) -> None:
    network.reset_classifier(0)

    assert network(pixels).shape == (4, 64)


def test_the_pooling_can_be_removed_with_the_classifier(network: Any, pixels: Tensor) -> None:
    network.reset_classifier(0, "")

    assert torch.equal(network(pixels), network.forward_features(pixels))


def test_forward_is_features_then_head(network: Any, pixels: Tensor) -> None:
    assert torch.equal(network(pixels), network.forward_head(network.forward_features(pixels)))


def test_pre_logits_are_the_mean_of_the_features_and_what_the_classifier_sees(network: Any, pixels: Tensor) -> None:
    with torch.no_grad():
        features = network.forward_features(pixels)
        pre_logits = network.forward_head(features, pre_logits=True).numpy()
        logits = network(pixels).numpy()

    np.testing.assert_allclose(pre_logits, features.numpy().mean(axis=(2, 3)), rtol=1e-5, atol=1e-6)
    weight, bias = network.fc.weight.detach().numpy(), network.fc.bias.detach().numpy()
    np.testing.assert_allclose(logits, pre_logits @ weight.T + bias, rtol=1e-4, atol=1e-5)


def test_dropout_acts_on_the_classifiers_input_in_training_alone(name: str, pixels: Tensor) -> None:
    network = timm.create_model(name, drop_rate=0.5)
    features = torch.ones(1, 64, 4, 4)

    dropped = network.train().forward_head(features, pre_logits=True)
    kept = network.eval().forward_head(features, pre_logits=True)

    assert set(dropped.flatten().tolist()) == {0.0, 2.0}
    assert set(kept.flatten().tolist()) == {1.0}


def test_intermediates_are_the_stem_and_three_stages(network: Any, pixels: Tensor) -> None:
    features, taps = network.forward_intermediates(pixels)

    assert shapes(taps) == STEM_AND_STAGES
    stem = network.stem(pixels)
    assert torch.equal(taps[0], stem)
    assert torch.equal(taps[1], network.stage1(stem))
    assert torch.equal(taps[2], network.stage2(taps[1]))
    assert torch.equal(taps[3], network.stage3(taps[2]))
    assert torch.equal(features, network.forward_features(pixels))


@pytest.mark.parametrize(
    ("indices", "taken"),
    [(None, [0, 1, 2, 3]), (1, [3]), (2, [2, 3]), ([0], [0]), ([1, 3], [1, 3]), ((-1,), [3]), ([-4], [0])],
)
def test_indices_choose_intermediates(network: Any, pixels: Tensor, indices: Any, taken: list[int]) -> None:
    every = network.forward_intermediates(pixels, intermediates_only=True)

    chosen = network.forward_intermediates(pixels, indices=indices, intermediates_only=True)

    assert len(chosen) == len(taken)
    assert all(torch.equal(tap, every[index]) for tap, index in zip(chosen, taken, strict=True))


@pytest.mark.parametrize("indices", [[4], [-5], 5, 0])
def test_indices_out_of_range_are_refused(network: Any, pixels: Tensor, indices: Any) -> None:
    with pytest.raises(AssertionError, match="out of range"):
        network.forward_intermediates(pixels, indices=indices)


def test_norm_returns_the_last_stage_as_the_head_gets_it(network: Any, pixels: Tensor) -> None:
    features, taps = network.forward_intermediates(pixels, norm=True)
    plain = network.forward_intermediates(pixels, intermediates_only=True)

    assert torch.equal(taps[3], features)
    assert all(torch.equal(taps[index], plain[index]) for index in range(3))


def test_stopping_early_runs_no_later_stage(network: Any, pixels: Tensor) -> None:
    ran = []
    for stage in ("stage1", "stage2", "stage3"):
        network.get_submodule(stage).register_forward_hook(lambda *_, stage=stage: ran.append(stage))

    network.forward_intermediates(pixels, indices=[1], stop_early=True, intermediates_only=True)

    assert ran == ["stage1"]


def test_stopping_early_gives_the_last_features_reached_besides_the_intermediates(network: Any, pixels: Tensor) -> None:
    features, taps = network.forward_intermediates(pixels, indices=[0, 1], stop_early=True)

    assert shapes(taps) == STEM_AND_STAGES[:2]
    assert torch.equal(features, taps[1])


def test_only_channel_first_maps_are_given(network: Any, pixels: Tensor) -> None:
    with pytest.raises(ValueError, match="NCHW"):
        network.forward_intermediates(pixels, output_fmt="NLC")


def test_channels_and_reductions_listed_are_those_of_the_real_maps(network: Any, pixels: Tensor) -> None:
    taps = network.forward_intermediates(pixels, intermediates_only=True)

    listed = [(info["num_chs"], 32 // info["reduction"]) for info in network.feature_info]

    assert listed == shapes(taps) == STEM_AND_STAGES
    assert all(network.get_submodule(info["module"]) for info in network.feature_info)


def test_features_only_gives_the_intermediates(name: str, network: Any, pixels: Tensor) -> None:
    extractor = timm.create_model(name, features_only=True).eval()
    extractor.load_state_dict(network.state_dict(), strict=False)

    maps = extractor(pixels)

    assert extractor.feature_info.channels() == [16, 16, 32, 64]
    assert extractor.feature_info.reduction() == [1, 1, 2, 4]
    taps = network.forward_intermediates(pixels, intermediates_only=True)
    assert all(torch.equal(each, tap) for each, tap in zip(maps, taps, strict=True))


def test_features_only_takes_indices(name: str, pixels: Tensor) -> None:
    extractor = timm.create_model(name, features_only=True, out_indices=(1, 3)).eval()

    assert shapes(extractor(pixels)) == [(16, 32), (64, 8)]


@pytest.mark.parametrize("prune_norm", [False, True])
def test_pruning_keeps_the_intermediates_asked_for_and_drops_the_rest(
    network: Any, pixels: Tensor, prune_norm: bool
) -> None:
    before = network.forward_intermediates(pixels, indices=[0, 2], intermediates_only=True)

    kept = network.prune_intermediate_layers([0, 2], prune_norm=prune_norm)

    after = network.forward_intermediates(pixels, indices=kept, intermediates_only=True)
    assert kept == [0, 2]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    names = [parameter for parameter, _ in network.named_parameters()]
    assert not any(each.startswith(("stage3", "fc")) for each in names)
    assert any(each.startswith("stage2") for each in names)
    assert not (prune_norm and any(each.startswith("norm") for each in names))


def test_pruning_can_keep_the_head(network: Any, pixels: Tensor) -> None:
    before = network(pixels)

    network.prune_intermediate_layers(1, prune_head=False)

    assert torch.equal(network(pixels), before)


def test_gradient_checkpointing_changes_neither_outputs_nor_gradients(
    name: str, unsettle: Unsettle, pixels: Tensor
) -> None:
    results = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        network = unsettle(timm.create_model(name)).train()
        network.set_grad_checkpointing(checkpointing)
        logits = network(pixels.clone().requires_grad_())
        logits.square().sum().backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        results.append((logits, *gradients))

    assert all(torch.equal(plain, recomputed) for plain, recomputed in zip(*results, strict=True))


def test_gradient_checkpointing_keeps_fewer_activations(name: str, pixels: Tensor) -> None:
    kept = []
    for checkpointing in (False, True):
        network = timm.create_model(name).train()
        network.set_grad_checkpointing(checkpointing)
        saved: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, saved=saved: saved.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            network(pixels.clone().requires_grad_())
        kept.append(sum(saved))

    assert kept[1] < kept[0] / 2


@pytest.mark.parametrize("coarse", [False, True])
def test_every_parameter_belongs_to_a_group_of_layers(network: Any, coarse: bool) -> None:
    groups = group_parameters(network, network.group_matcher(coarse=coarse))

    members = [parameter for group in groups.values() for parameter in group]
    assert sorted(members) == sorted(name for name, _ in network.named_parameters())
    assert len(groups) > 3


def test_convolutions_start_with_he_initialisation_by_fan_out(network: Any) -> None:
    weight = network.stage3[0].conv1.weight.detach().numpy()  # 32 channels in, 64 out

    assert weight.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=0.03)
    assert not network.fc.bias.any()


def test_pretrained_weights_are_refused_for_there_are_none(name: str) -> None:
    with pytest.raises(RuntimeError, match=r"[Nn]o pretrained weights"):
        timm.create_model(name, pretrained=True)
