import numpy as np
import pytest
import torch
from torch import nn

from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model, load_model, save_model

PIXELS = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def built(kind: str, architecture: str = "cifar_resnet8") -> PixelModel:
    return create_model(architecture, num_classes=10, seed=0, options={"normalisation": kind})


@pytest.mark.parametrize("kind", ["group", "layer"])
@pytest.mark.parametrize("architecture", ["cifar_resnet8", "cifar_wrn_10_2", "cifar_preact_resnet20", "cifar_vgg8"])
def test_no_image_depends_on_the_others_of_its_batch(kind: str, architecture: str) -> None:
    model = built(kind, architecture).train()

    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    torch.testing.assert_close(model(PIXELS)[:1], model(PIXELS[:1]))


def test_groups_have_eight_channels_and_layers_have_one_group() -> None:
    groups, layers = (
        [module for module in built(kind).modules() if isinstance(module, nn.GroupNorm)] for kind in ("group", "layer")
    )

    assert all(module.num_channels == 8 * module.num_groups for module in groups)
    assert {module.num_groups for module in layers} == {1}


def test_a_layer_has_mean_0_and_variance_1_over_channels_and_places() -> None:
    stem = built("layer").module.stem

    seen = stem.bn(stem.conv(PIXELS)).detach().numpy()

    np.testing.assert_allclose(seen.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(seen.var(axis=(1, 2, 3)), 1, rtol=1e-3)


def test_the_number_of_parameters_and_the_drawn_weights_are_those_of_batch_normalisation() -> None:
    batch, group = built("batch"), built("group")

    assert group.num_parameters == batch.num_parameters
    assert torch.equal(batch.module.stem.conv.weight, group.module.stem.conv.weight)


def test_named_networks_have_the_option_and_are_stored_with_it(tmp_path: object) -> None:
    named = create_model("cifar_resnet8_gn", num_classes=10, seed=0)
    file = f"{tmp_path}/model.safetensors"

    save_model(built("group"), file, {})

    torch.testing.assert_close(load_model(file)(PIXELS), named.eval()(PIXELS))


def test_another_kind_is_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="normalisation must be batch, group or layer, got 'instance'") as caught:
        built("instance")

    assert "\n" not in str(caught.value)
