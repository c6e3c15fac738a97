import torch
from torch import Tensor, nn

from robustkd.models import Member, PixelModel, create_model
from robustkd.validity.probe import Probed, probe
from robustkd.validity.same_network import same_network_checks


def network(seed: int) -> nn.Module:
    return create_model("cifar_wrn_10_1", num_classes=3, in_chans=1, seed=seed).module


def probed(name: str, module: nn.Module) -> Probed:
    member = Member(PixelModel(module), "student", name)
    member.model.eval().requires_grad_(False)
    return probe(member, torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(1)), 3)


class Cooled(nn.Module):
    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network(0), temperature

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x) / self.temperature


def test_networks_of_other_weights_are_all_networks_of_their_own() -> None:
    checks = same_network_checks([probed(str(seed), network(seed)) for seed in range(3)])

    assert [check.passed for check in checks] == [True, True, True]


def test_of_one_network_given_three_times_two_fail_and_each_names_the_first() -> None:
    checks = same_network_checks([probed(name, network(0)) for name in ("a", "b", "c")])

    assert [(check.member, check.passed) for check in checks] == [("a", True), ("b", False), ("c", False)]
    assert "b gives the same logits as a" in checks[1].detail


def test_wrappers_that_leave_the_logits_as_they_are_do_not_hide_it() -> None:
    wrapped = [network(0), nn.DataParallel(network(0)), nn.Sequential(network(0), nn.Softmax(1)), Cooled(1.0)]

    checks = same_network_checks([probed(str(index), each) for index, each in enumerate(wrapped)])

    assert [check.passed for check in checks] == [True, False, False, False]


def test_another_temperature_makes_another_network() -> None:
    checks = same_network_checks([probed("one", Cooled(1.0)), probed("two", Cooled(1.01))])

    assert all(check.passed for check in checks)
