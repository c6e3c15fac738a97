import pytest
import torch
import torchattacks

from robustkd.attacks.craft import craft
from robustkd.attacks.standard_suite import standard_suite

from ..conftest import network


def test_the_suite_has_the_parameters_of_the_original() -> None:
    """Croce and Hein 2020, section 5; ε as in RobustBench."""
    apgd, targeted, fab, square = standard_suite("Linf", 100)

    assert [each.name for each in (apgd, targeted, fab, square)] == ["APGD", "APGDT", "FAB", "Square"]
    assert [each.parameters["steps"] for each in (apgd, targeted, fab)] == [100, 100, 100]
    assert [each.parameters["n_classes"] for each in (targeted, fab)] == [10, 10]  # nine targets
    assert (square.parameters["n_queries"], square.parameters["resc_schedule"]) == (5000, False)
    assert fab.parameters["multi_targeted"] is True
    assert {each.epsilon for each in (apgd, targeted, fab, square)} == {8 / 255}
    assert {each.epsilon for each in standard_suite("L2", 100)} == {0.5}


@pytest.mark.parametrize(
    ("classes", "names"), [(3, ["APGD", "FAB", "Square"]), (4, ["APGD", "APGDT", "FAB", "Square"])]
)
def test_few_classes_have_fewer_targets_and_no_fourth_logit(classes: int, names: list[str]) -> None:
    suite = standard_suite("Linf", classes)

    assert [each.name for each in suite] == names
    assert suite[-2].parameters["n_classes"] == classes


@pytest.mark.parametrize(("asked", "classes", "given"), [(10, 100, 10), (10, 3, 3), (4, 10, 4)])
def test_targeted_attacks_try_the_classes_that_are_asked_for_and_there_are(
    asked: int, classes: int, given: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def watched(self: torchattacks.FAB, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        seen.append(self.n_target_classes + 1)
        return x

    monkeypatch.setattr(torchattacks.FAB, "forward", watched)
    fab = standard_suite("Linf", asked)[2]
    model = network(3, num_classes=classes).eval()
    pixels = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    craft(fab, model, pixels, model(pixels).argmax(1), [0, 1, 2, 3], 0, classes)

    assert seen == [given]
