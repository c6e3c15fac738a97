"""The copy of a network that examples are crafted on in bfloat16 is the same function up to rounding."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustkd.attacks.attack import Attack
from robustkd.attacks.craft import craft
from robustkd.attacks.crafting import ChannelAffine, crafting_network, crafting_precision
from robustkd.data import load_dataset
from robustkd.distillation import METHODS, Recipe, train
from robustkd.models import PixelModel, create_model

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, needs_cuda])]


@pytest.fixture(scope="module")
def trained() -> PixelModel:
    """A network that classifies nearly all digits."""
    model = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)
    train(METHODS["baseline"](model), load_dataset("digits"), Recipe(epochs=6, milestones=(4,)), seed=0)
    return model.eval().requires_grad_(False)


def digits(count: int, device: str = "cpu") -> tuple[Tensor, Tensor]:
    test = load_dataset("digits").test
    return test.pixels(0, count, device), test.labels[:count].to(device)


def kinds(network: nn.Module) -> dict[str, int]:
    counted = {"BatchNorm2d": 0, "ChannelAffine": 0}
    for module in network.modules():
        if type(module).__name__ in counted:
            counted[type(module).__name__] += 1
    return counted


def test_auto_is_bfloat16_on_cuda_and_float32_elsewhere() -> None:
    assert crafting_precision("auto", torch.device("cuda")) == "bfloat16"
    assert crafting_precision("auto", torch.device("cpu")) == "float32"
    assert crafting_precision("tf32", torch.device("cpu")) == "float32"
    assert crafting_precision("bfloat16", torch.device("cpu")) == "bfloat16"


def test_in_float32_gradients_are_taken_of_the_network_itself(trained: PixelModel) -> None:
    assert crafting_network(trained, "float32", digits(2)[0]) is trained


def test_the_copy_gives_float32_logits_near_those_of_the_network_which_does_not_change(trained: PixelModel) -> None:
    pixels, _ = digits(100)
    before = copy.deepcopy(trained.state_dict())

    logits = crafting_network(trained, "bfloat16", pixels[:4])(pixels)

    assert logits.dtype == torch.float32
    assert torch.allclose(logits, trained(pixels), atol=0.05 * float(trained(pixels).abs().max()))
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


def test_batch_normalisation_becomes_an_affine_map_or_part_of_the_convolution_before_it(trained: PixelModel) -> None:
    norms = kinds(trained)["BatchNorm2d"]

    found = kinds(crafting_network(trained, "bfloat16", digits(4)[0]))

    assert found["BatchNorm2d"] == 0
    assert 0 < found["ChannelAffine"] < norms  # in a Wide ResNet the second of a block follows a convolution


def test_an_affine_map_is_batch_normalisation_with_fixed_statistics() -> None:
    norm = nn.BatchNorm2d(3).eval()
    generator = torch.Generator().manual_seed(0)
    for held in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        held.copy_(torch.rand(3, generator=generator) + 0.5)
    maps = torch.randn(2, 3, 4, 4, generator=generator)

    expected = (maps.double() - norm.running_mean.double()[:, None, None]) / (
        norm.running_var.double()[:, None, None] + norm.eps
    ).sqrt() * norm.weight.double()[:, None, None] + norm.bias.double()[:, None, None]

    assert torch.allclose(ChannelAffine(norm)(maps).double(), expected, atol=1e-6)


class Reusing(nn.Module):
    """Uses the output of a convolution before and after its normalisation, so that nothing may be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.conv(pixels)
        return self.head((maps + self.norm(maps)).mean((2, 3)))


def test_a_convolution_whose_output_is_used_twice_is_left_as_it_is() -> None:
    torch.manual_seed(0)
    model = PixelModel(Reusing(), architecture="reusing").eval()
    model.module.norm.running_var.fill_(4.0)
    model.module.norm.running_mean.fill_(0.3)
    pixels = torch.rand(4, 1, 8, 8)

    network = crafting_network(model, "bfloat16", pixels)

    assert kinds(network) == {"BatchNorm2d": 0, "ChannelAffine": 1}
    assert torch.allclose(network(pixels), model(pixels), atol=0.02)


def test_the_gradient_has_nearly_the_direction_of_the_networks(trained: PixelModel) -> None:
    pixels, labels = digits(50)
    gradients = []
    for network in (trained, crafting_network(trained, "bfloat16", pixels[:4])):
        shown = pixels.clone().requires_grad_()
        gradients.append(torch.autograd.grad(F.cross_entropy(network(shown), labels), shown)[0].flatten(1))

    assert F.cosine_similarity(*gradients, dim=1).median() > 0.95


@pytest.mark.parametrize("device", DEVICES)
def test_pgd_in_bfloat16_fools_as_many_as_in_float32_within_half_a_point(trained: PixelModel, device: str) -> None:
    model = copy.deepcopy(trained).to(device)
    pixels, labels = digits(400, device)
    attack = Attack("PGD", {"eps": 0.1, "alpha": 0.01, "steps": 20, "random_start": True})
    fooled = []
    for precision in ("float32", "bfloat16"):
        network = crafting_network(model, precision, pixels[:4])
        examples = craft(attack, model, pixels, labels, list(range(400)), 0, 10, network)
        fooled.append(float((model(examples).argmax(1) != labels).float().mean()))

    assert 0.1 < fooled[0] < 0.9
    assert abs(fooled[0] - fooled[1]) <= 0.005
