import torch

from robustkd.attacks.attack import Attack
from robustkd.attacks.soundness import Soundness

PGD = Attack("PGD", {"eps": 0.1, "alpha": 0.02, "steps": 10, "random_start": True})


def failed(seen: Soundness) -> dict[str, str]:
    return {check.name: check.detail for check in seen.checks("at") if not check.passed}


def test_examples_within_epsilon_and_the_range_of_pixels_pass() -> None:
    seen, pixels = Soundness(), torch.full((2, 1, 2, 2), 0.5)

    seen.see(PGD, pixels + 0.1, pixels)
    seen.see(PGD, pixels - 0.05, pixels)

    assert failed(seen) == {}
    assert seen.checks("at")[0].detail == "PGD-10 changes an image by at most 0.1000 (L∞), within ε = 0.1000"


def test_the_largest_change_of_all_batches_is_the_one_that_counts() -> None:
    seen, pixels = Soundness(), torch.full((2, 1, 2, 2), 0.5)

    for change in (0.05, 0.2, 0.1):
        seen.see(PGD, pixels + change, pixels)

    assert failed(seen) == {
        "perturbation within ε": "PGD-10 changes an image by 0.2000 (L∞), more than ε = 0.1000, so the numbers are void"
    }


def test_pixels_outside_their_range_fail_a_check() -> None:
    seen, pixels = Soundness(), torch.full((2, 1, 2, 2), 0.95)

    seen.see(PGD, pixels + 0.1, pixels)

    assert list(failed(seen)) == ["pixels in [0, 1]"]


def test_attacks_that_differ_in_epsilon_are_checked_separately() -> None:
    seen, pixels = Soundness(), torch.full((2, 1, 2, 2), 0.5)

    seen.see(PGD, pixels + 0.1, pixels)
    seen.see(PGD.with_epsilon(0.2), pixels + 0.2, pixels)

    assert failed(seen) == {}
