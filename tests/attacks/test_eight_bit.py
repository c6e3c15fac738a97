import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.attacks.attack import Attack
from robustkd.attacks.eight_bit import in_eight_bit

LINF = Attack("PGD", {"eps": 0.031})
L2 = Attack("PGDL2", {"eps": 0.5})


def levels(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1) / 255


def test_in_l_infinity_a_value_takes_the_nearest_level_that_epsilon_allows() -> None:
    """ε = 0.031 is 7.9 levels, so at most 7."""
    rounded = in_eight_bit(LINF, levels(107.9, 92.1, 103.6, 100.2), levels(100, 100, 100, 100))

    assert torch.equal((rounded * 255).round(), levels(107, 93, 104, 100) * 255)


def test_in_other_norms_the_change_is_rounded_towards_nothing() -> None:
    rounded = in_eight_bit(L2, levels(103.6, 96.4, 100.9, 105.0), levels(100, 100, 100, 100))

    assert torch.equal((rounded * 255).round(), levels(103, 97, 100, 105) * 255)


@given(seed=st.integers(0, 10_000), epsilon=st.floats(0.001, 0.2))
def test_rounded_examples_are_levels_within_the_ball(seed: int, epsilon: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (2, 1, 4, 4), generator=generator) / 255
    change = epsilon * (2 * torch.rand(2, 1, 4, 4, generator=generator) - 1)
    examples = (pixels + change).clamp(0, 1)

    for attack in (
        Attack("PGD", {"eps": epsilon}),
        Attack("PGDL2", {"eps": float(change.flatten(1).norm(dim=1).max())}),
    ):
        rounded = in_eight_bit(attack, examples, pixels)

        assert torch.equal(rounded, (rounded * 255).round() / 255)
        moved = (rounded - pixels).flatten(1)
        size = moved.abs().max() if attack.norm == "Linf" else moved.norm(dim=1).max()
        assert size <= (attack.epsilon or 0) + 1e-5
