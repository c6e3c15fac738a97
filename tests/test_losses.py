"""`rk.losses`: every loss of the methods, ready to be used in another training loop."""

import inspect

import pytest
import torch

from robustkd import losses
from robustkd.distillation import METHODS


@pytest.mark.parametrize("name", losses.__all__)
def test_a_loss_says_what_shapes_it_takes(name: str) -> None:
    documented = inspect.getdoc(getattr(losses, name)) or ""

    assert "Args:" in documented
    assert "(B" in documented


def test_every_method_file_with_a_pure_loss_is_represented() -> None:
    """These use the losses that many methods share."""
    homes = {
        inspect.getmodule(inspect.unwrap(getattr(losses, name))).__name__.rpartition(".")[2] for name in losses.__all__
    }
    files = {METHODS[name].__module__.rpartition(".")[2] for name in METHODS.names()}

    without = {
        "ard",
        "baseline",
        "born_again",
        "cleanlab",
        "hinton",
        "hint",
        "pgd_at",
        "rslad",
        "simkd",
        "takd",
        "trades",
        "uda",
    }
    assert files - homes == without


@pytest.mark.parametrize("name", ["kd_loss", "cross_entropy", "attention_loss", "similarity_loss", "angle_loss"])
def test_a_loss_can_be_minimised(name: str) -> None:
    student = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    arguments = {
        "kd_loss": (torch.randn(4, 3), 4.0),
        "cross_entropy": (torch.tensor([0, 1, 2, 0]),),
        "attention_loss": (torch.randn(4, 5, 2, 2),),
        "similarity_loss": (torch.randn(4, 7),),
        "angle_loss": (torch.randn(4, 6),),
    }[name]
    given = student if name == "attention_loss" else student.flatten(1)[:, :3]
    given = given.clone().requires_grad_(True)

    getattr(losses, name)(given, *arguments).backward()

    assert given.grad is not None
    assert given.grad.abs().sum() > 0
