from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from robustkd.errors import ModelError
from robustkd.models import OWN_ARCHITECTURES, PixelModel, check_architecture, create_model
from robustkd.models.architectures import classifier_name, first_convolution_name


def weights(model: PixelModel) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_our_networks_are_those_of_the_paper_and_timm_knows_them() -> None:
    resnets = {f"cifar_resnet{depth}{width}" for depth in (8, 14, 20, 26) for width in ("", "x4")}
    wide_resnets = {f"cifar_wrn_{depth}_2" for depth in (10, 16, 28, 40)}

    assert resnets | wide_resnets <= set(OWN_ARCHITECTURES)
    assert set(OWN_ARCHITECTURES) <= set(timm.list_models())


@pytest.mark.parametrize("architecture", ["cifar_wrn_10_1", "resnet18", "convnext_atto"])
def test_a_network_has_the_classes_and_channels_asked_for(architecture: str) -> None:
    model = create_model(architecture, num_classes=7, in_chans=1).eval()

    assert (model.num_classes, model.architecture) == (7, architecture)
    assert model(torch.rand(2, 1, 32, 32)).shape == (2, 7)


def test_a_new_network_is_to_be_trained() -> None:
    model = create_model("cifar_wrn_10_1", num_classes=10)

    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("architecture", ["cifar_wrn_10_1", "resnet18"])
def test_pixels_are_not_normalised_unless_mean_and_std_are_given(architecture: str, pixels: Tensor) -> None:
    model = create_model(architecture, num_classes=10)

    assert not model.normalises
    assert torch.equal(model.prepare(pixels), pixels)


def test_mean_and_std_given_are_used(pixels: Tensor) -> None:
    model = create_model("cifar_wrn_10_1", num_classes=10, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))

    torch.testing.assert_close(model.prepare(pixels), (pixels - 0.5) * 4)


@pytest.mark.parametrize(("in_chans", "values"), [(3, 2), (1, 3)])
def test_a_mean_and_std_for_other_channels_are_refused(in_chans: int, values: int) -> None:
    with pytest.raises(ModelError, match="channel"):
        create_model("cifar_wrn_10_1", num_classes=10, in_chans=in_chans, mean=(0.5,) * values, std=(0.1,) * values)


def test_a_vision_transformer_has_images_resized_to_its_fixed_size() -> None:
    model = create_model("vit_tiny_patch16_224", num_classes=3).eval()

    assert model.image_size == 224
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 3)


def test_a_vision_transformer_built_for_another_size_takes_images_as_they_come() -> None:
    model = create_model("vit_tiny_patch16_224", num_classes=3, options={"img_size": 32}).eval()

    assert model.image_size is None
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 3)


def test_convolutional_networks_take_images_as_they_come() -> None:
    assert create_model("resnet18", num_classes=3).image_size is None


def test_an_image_size_given_is_used(pixels: Tensor) -> None:
    model = create_model("resnet18", num_classes=3, image_size=48)

    assert model.prepare(pixels).shape == (4, 3, 48, 48)


def test_the_seed_alone_determines_the_weights() -> None:
    torch.manual_seed(1)
    first = create_model("cifar_wrn_10_1", num_classes=10, seed=5)
    torch.manual_seed(2)
    again = create_model("cifar_wrn_10_1", num_classes=10, seed=5)
    other = create_model("cifar_wrn_10_1", num_classes=10, seed=6)

    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_a_seed_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()

    create_model("cifar_wrn_10_1", num_classes=10, seed=5)

    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_weights_come_from_the_global_random_state() -> None:
    torch.manual_seed(1)
    first, second = (create_model("cifar_wrn_10_1", num_classes=10) for _ in range(2))
    torch.manual_seed(1)
    again = create_model("cifar_wrn_10_1", num_classes=10)

    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(second))


def test_options_go_to_timm_and_are_kept() -> None:
    model = create_model("cifar_resnet8", num_classes=10, options={"drop_rate": 0.3})

    assert model.options == {"drop_rate": 0.3}
    assert model.module.head_drop.p == 0.3


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("resnet_18", "resnet18"),
        ("cifar_resnet9", "cifar_resnet8"),
        ("cifar_wrn_16_3", "cifar_wrn_16_2"),
        ("convnext_ato", "convnext_atto"),
    ],
)
def test_an_unknown_architecture_is_refused_with_the_nearest(mistyped: str, meant: str) -> None:
    with pytest.raises(ModelError, match=f"unknown architecture '{mistyped}': did you mean .*{meant}"):
        create_model(mistyped, num_classes=10)


@pytest.mark.parametrize("architecture", ["", "hf-hub:timm/resnet18.a1_in1k", "local-dir:weights", "a/resnet18"])
def test_what_is_not_a_plain_name_is_refused_and_nothing_is_downloaded(architecture: str) -> None:
    with pytest.raises(ModelError, match="unknown architecture"):
        check_architecture(architecture)


def test_an_unknown_tag_of_pretrained_weights_is_refused() -> None:
    with pytest.raises(ModelError, match=r"resnet18\.nonsense"):
        create_model("resnet18.nonsense", num_classes=10)


@pytest.mark.parametrize(
    ("architecture", "option"),
    [
        ("cifar_resnet8", {"nonsense": 1}),
        ("cifar_resnet8", {"shortcut": "magic"}),
        ("cifar_resnet8", {"drop_rate": 2.0}),
        ("cifar_resnet8", {"global_pool": "magic"}),
        ("vit_tiny_patch16_224", {"global_pool": "magic"}),
        ("vit_tiny_patch16_224", {"act_layer": "magic"}),
    ],
)
def test_an_option_that_timm_refuses_is_a_model_error(architecture: str, option: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=f"timm cannot build {architecture}"):
        create_model(architecture, num_classes=10, options=option)


@pytest.mark.parametrize("option", ["num_classes", "pretrained", "checkpoint_path", "features_only"])
def test_an_option_that_would_read_other_files_or_build_no_classifier_is_refused(option: str) -> None:
    with pytest.raises(ModelError, match=f"the option '{option}' cannot be given here"):
        create_model("cifar_resnet8", num_classes=10, options={option: 1})


@pytest.mark.parametrize(
    ("architecture", "classifier", "first_convolution"),
    [
        ("cifar_resnet8x4", "fc", "stem.conv"),
        ("cifar_wrn_16_2", "fc", "stem.conv"),
        ("resnet18", "fc", "conv1"),
        ("convnext_atto", "head.fc", "stem.0"),
        ("vit_tiny_patch16_224", "head", "patch_embed.proj"),
        ("deit_tiny_distilled_patch16_224", "head", "patch_embed.proj"),
    ],
)
def test_classifier_and_first_convolution_are_known(architecture: str, classifier: str, first_convolution: str) -> None:
    assert classifier_name(architecture) == classifier
    assert first_convolution_name(architecture) == first_convolution
