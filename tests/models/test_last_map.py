import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import PixelModel, ensemble
from robustkd.models.features import features_of
from robustkd.models.last_map import find_last_map, map_and_gradient

from ..conftest import network


class Linear(nn.Module):
    """Two channels of the image, averaged over positions and weighted: logit k is Σ_c weight[k, c] · mean(map_c)."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Conv2d(1, 2, 1, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(2, 2, bias=False)
        self.maps.weight.data = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1)
        self.head.weight.data = torch.tensor([[2.0, -1.0], [0.0, 5.0]])
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.act(self.maps(x)).mean(dim=(2, 3)))


def test_map_and_gradient_of_a_linear_head_are_those_by_hand() -> None:
    model, pixels = PixelModel(Linear()), torch.rand(3, 1, 2, 4)

    place = find_last_map(model, pixels)
    maps, gradients = map_and_gradient(model, pixels, torch.tensor([0, 1, 0]), place)

    assert (place.module, place.height, place.width) == ("act", 2, 4)
    torch.testing.assert_close(maps, torch.cat([pixels, 3 * pixels], dim=1))
    expected = torch.tensor([[2.0, -1.0], [0.0, 5.0], [2.0, -1.0]]) / 8
    torch.testing.assert_close(gradients, expected[:, :, None, None].expand(3, 2, 2, 4))


@pytest.mark.parametrize(
    ("name", "layout", "size"),
    [
        ("test_vit", "tokens", (10, 10)),
        ("test_convnext", "channels first", (5, 5)),
        ("test_resnet", "channels first", (5, 5)),
    ],
)
def test_the_map_of_a_network_of_timm_reaches_its_logits(name: str, layout: str, size: tuple[int, int]) -> None:
    model = PixelModel(timm.create_model(name, num_classes=4).eval())
    pixels = torch.rand(2, 3, 160, 160)

    place = find_last_map(model, pixels)
    maps, gradients = map_and_gradient(model, pixels, torch.tensor([0, 3]), place)

    assert (place.layout, place.height, place.width) == (layout, *size)
    assert maps.shape == gradients.shape
    assert tuple(maps.shape[2:]) == size
    assert gradients.abs().sum() > 0


def test_the_channels_of_swin_come_last() -> None:
    module = timm.create_model(
        "swin_tiny_patch4_window7_224", num_classes=4, img_size=56, embed_dim=24, depths=(1, 1), num_heads=(1, 2)
    )
    model = PixelModel(module.eval())

    place = find_last_map(model, torch.rand(1, 3, 56, 56))
    maps, _ = map_and_gradient(model, torch.rand(1, 3, 56, 56), torch.tensor([0]), place)

    assert place.layout == "channels last"
    assert maps.shape == (1, 48, 7, 7)


def test_where_the_last_map_has_one_position_an_earlier_one_is_taken() -> None:
    model = PixelModel(torchvision.models.resnet18(num_classes=4).eval())

    place = find_last_map(model, torch.rand(1, 3, 32, 32))

    assert place.module.startswith("layer3")
    assert (place.height, place.width) == (2, 2)


def test_a_network_without_maps_is_refused() -> None:
    model = PixelModel(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)))

    with pytest.raises(ModelError, match="no spatial maps"):
        find_last_map(model, torch.rand(1, 1, 4, 4))


def test_an_ensemble_has_neither_maps_nor_features_of_its_own() -> None:
    both = ensemble([network(0), network(1)])

    with pytest.raises(ModelError, match="no spatial maps of its own"):
        find_last_map(both, torch.rand(1, 1, 8, 8))
    with pytest.raises(ModelError, match="no features of its own"):
        features_of(both, torch.rand(1, 1, 8, 8))


def test_nothing_is_left_hooked() -> None:
    model = PixelModel(Linear())

    place = find_last_map(model, torch.rand(1, 1, 2, 2))
    map_and_gradient(model, torch.rand(1, 1, 2, 2), torch.tensor([0]), place)

    assert not any(each._forward_hooks for each in model.modules())
