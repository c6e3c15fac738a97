"""What a probe says of networks that are wrong in a known way, and of right ones of the same appearance."""

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from robustkd.models import Member, PixelModel, create_model
from robustkd.validity.probe import Probed, probe

CLASSES = 3


class Linear(nn.Module):
    """A linear classifier of 1×8×8 images, followed by what a test is about."""

    def __init__(self, then: Callable[[Tensor], object] = lambda logits: logits, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(64, CLASSES, generator=generator))
        self.then = then

    def forward(self, x: Tensor) -> object:
        return self.then(x.flatten(1) @ self.weight)


class Before(nn.Module):
    """Does something to the images first."""

    def __init__(self, does: Callable[["Before", Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.does = Linear(), does

    def forward(self, x: Tensor) -> object:
        return self.network(self.does(self, x))


def images(count: int = 4) -> Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def probed(network: nn.Module, count: int = 4) -> Probed:
    member = Member(PixelModel(network), "student", "at")
    member.model.eval().requires_grad_(False)
    return probe(member, images(count), CLASSES)


def failed(found: Probed) -> dict[str, str]:
    return {check.name: check.detail for check in found.checks if not check.passed}


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(
    "network", [Linear(), create_model("cifar_wrn_10_1", num_classes=3, in_chans=1, seed=0).module]
)
def test_nothing_is_found_on_a_network_as_it_should_be(network: nn.Module, count: int) -> None:
    found = probed(network, count)

    assert (found.problem, found.no_gradient, failed(found), found.notes) == ("", "", {}, ())
    assert {check.name for check in found.checks} == {"same logits in every pass", "logits independent of the batch"}


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (Linear(lambda z: torch.cat([z, z[:, :2]], 1)), "gives 5 outputs for each image, but the data has 3 classes"),
        (Linear(lambda z: z[:1]), "gives 1 rows of logits for 4 images"),
        (Linear(lambda z: (z, z)), "gives a tuple of 2, not logits"),
        (Linear(lambda z: {"scores": z}), "gives a mapping of scores, not logits"),
        (Linear(lambda z: z[:, :, None]), r"gives a tensor of shape \(4, 3, 1\), not logits"),
        (Before(lambda self, x: x.sub_(0.5)), "changes its input in place"),
        (Before(lambda self, x: self.train() and x), r"switches to training mode in its forward pass: remove \.train"),
        (Linear().double(), r"computes in float64, images are float32: convert it with network\.float\(\)"),
        (Linear().half(), r"computes in float16, images are float32"),
        (nn.Conv2d(3, 3, 8), "fails on images of 1×8×8: RuntimeError"),
    ],
)
def test_a_network_that_cannot_be_measured_is_told_why(network: nn.Module, told: str) -> None:
    found = probed(network)

    assert found.log_probabilities is None
    assert re.search(told, found.problem), found.problem


def test_a_mapping_with_logits_is_understood() -> None:
    assert probed(Linear(lambda z: {"logits": z, "hidden": z})).problem == ""


def test_the_images_are_left_as_they_were() -> None:
    pixels = images()
    member = Member(PixelModel(Before(lambda self, x: x.sub_(0.5))), "student", "at")

    probe(member, pixels, CLASSES)

    assert torch.equal(pixels, images())


def test_a_stale_number_of_classes_does_not_matter() -> None:
    network = Linear()
    network.num_classes = 1000

    assert probed(network).problem == ""


def test_probabilities_are_noticed_and_undone_by_the_logarithm() -> None:
    plain, soft = probed(Linear()), probed(nn.Sequential(Linear(), nn.Softmax(1)))

    assert soft.notes == ("at gives probabilities instead of logits: their logarithms are used as logits",)
    torch.testing.assert_close(soft.log_probabilities, plain.log_probabilities, atol=1e-5, rtol=0)
    torch.testing.assert_close(soft.member.model(images()).log_softmax(1), plain.member.model(images()).log_softmax(1))


@pytest.mark.parametrize("then", [lambda z: z.log_softmax(1), lambda z: z.sigmoid(), lambda z: z - z.mean()])
def test_logits_of_any_other_size_are_taken_as_they_are(then: Callable[[Tensor], Tensor]) -> None:
    found = probed(Linear(then))

    assert found.notes == ()
    torch.testing.assert_close(found.member.model(images()), then(Linear()(images())))


def test_a_network_that_answers_at_random_fails() -> None:
    found = probed(Before(lambda self, x: x + 0.1 * torch.empty(64).exponential_().view(8, 8)))

    assert list(failed(found)) == ["same logits in every pass"]
    assert "is there dropout or noise" in failed(found)["same logits in every pass"]


@pytest.mark.parametrize(
    "normalised",
    [
        lambda self, x: nn.functional.batch_norm(x, None, None, training=True),
        lambda self, x: (x - x.mean()) / x.std(),  # of one image and of four: different statistics
    ],
)
def test_a_network_that_uses_the_statistics_of_the_batch_fails(normalised: Callable[..., Tensor]) -> None:
    assert list(failed(probed(Before(normalised)))) == ["logits independent of the batch"]


@pytest.mark.parametrize(
    "normalised",
    [
        lambda self, x: (x - x.mean((1, 2, 3), True)) / x.std((1, 2, 3), keepdim=True),
        lambda self, x: nn.functional.group_norm(x, 1),
    ],
)
def test_statistics_of_each_image_are_no_fault(normalised: Callable[..., Tensor]) -> None:
    assert failed(probed(Before(normalised))) == {}


class NoGradient(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = Linear()

    @torch.no_grad()
    def forward(self, x: Tensor) -> object:
        return self.network(x)


@pytest.mark.parametrize("network", [NoGradient(), Before(lambda self, x: x.detach())])
def test_a_forward_pass_without_gradient_is_noticed(network: nn.Module) -> None:
    found = probed(network)

    assert found.problem == ""
    assert "has no gradient with respect to the image" in found.no_gradient


def test_half_precision_inside_is_said() -> None:
    found = probed(Linear(lambda z: z.half()))

    assert found.notes == ("at computes its logits in float16, with coarser rounding",)


def test_the_fingerprint_tells_networks_of_the_same_weights_and_class_from_each_other() -> None:
    class Scaled(nn.Module):
        def __init__(self, scale: float) -> None:
            super().__init__()
            self.network = Linear()
            self.settings = SimpleNamespace(scale=scale)  # out of reach of a digest of the code

        def forward(self, x: Tensor) -> object:
            return self.network(x) / self.settings.scale

    one, same, five = probed(Scaled(1.0)), probed(Scaled(1.0)), probed(Scaled(5.0))

    assert one.member.digest == same.member.digest
    assert one.member.digest != five.member.digest


def test_probabilities_are_noticed_where_a_class_map_leaves_some_of_them_out() -> None:
    """Those of three of six classes do not sum to 1; their logarithms are the logits up to a constant."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 6))
    whole = PixelModel(nn.Sequential(network, nn.Softmax(dim=1)), classes=[4, 0, 3]).eval()
    member = Member(whole, "teacher", "teacher")

    found = probe(member, images(), CLASSES)

    assert found.notes[0].startswith("teacher gives probabilities instead of logits")
    expected = network(images())[:, [4, 0, 3]].log_softmax(dim=1)
    torch.testing.assert_close(found.member.model(images()).log_softmax(dim=1), expected)
