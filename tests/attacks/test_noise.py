import pytest
import torch

from robustkd.attacks.attack import Attack
from robustkd.attacks.noise import with_noise

LINF = Attack("PGD", {"eps": 0.1})
L2 = Attack("PGDL2", {"eps": 0.5})
GREY = torch.full((3, 1, 8, 8), 0.5)


def test_in_l_infinity_every_pixel_changes_by_epsilon() -> None:
    change = (with_noise(LINF, GREY, [0, 1, 2], seed=0) - GREY).abs()

    assert torch.allclose(change, torch.full_like(change, 0.1))


def test_in_l2_every_image_changes_by_epsilon() -> None:
    change = with_noise(L2, GREY, [0, 1, 2], seed=0) - GREY

    assert change.flatten(1).norm(dim=1).tolist() == pytest.approx([0.5] * 3, rel=1e-5)


def test_noise_stays_in_the_range_of_pixels() -> None:
    noisy = with_noise(LINF, torch.cat([torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)]), [0, 1], seed=0)

    assert noisy.min() == 0
    assert noisy.max() == 1


def test_noise_belongs_to_its_image_whatever_the_batch() -> None:
    together, alone = with_noise(LINF, GREY, [5, 6, 7], seed=0), with_noise(LINF, GREY[:1], [6], seed=0)

    assert torch.equal(together[1], alone[0])
    assert not torch.equal(together[0], together[1])
