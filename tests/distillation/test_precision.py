import pytest
import torch
from torch import Tensor

from robustkd.distillation.precision import in_full_precision


@in_full_precision
def product(first: Tensor, second: Tensor, scale: float = 1.0) -> Tensor:
    return scale * (first @ second.T).sum()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_is_narrower_than_float32_is_widened(dtype: torch.dtype) -> None:
    values = torch.rand(3, 4, generator=torch.Generator().manual_seed(0)).to(dtype)

    assert torch.equal(product(values, values), (values.float() @ values.float().T).sum())


def test_what_is_wider_stays_so() -> None:
    assert product(torch.rand(3, 4).double(), torch.rand(3, 4).double()).dtype == torch.float64


def test_autocast_is_off_inside_and_on_again_after() -> None:
    values = torch.rand(64, 64, generator=torch.Generator().manual_seed(0))

    with torch.autocast("cpu", torch.bfloat16):
        inside, after = product(values, values, scale=2.0), values @ values

    assert torch.equal(inside, 2 * (values @ values.T).sum())
    assert after.dtype == torch.bfloat16


def test_integers_are_left_alone() -> None:
    @in_full_precision
    def pick(values: Tensor, index: Tensor) -> Tensor:
        return values[index].sum()

    assert pick(torch.tensor([1.0, 2.0]), torch.tensor([1])) == 2.0


def test_gradients_come_back_in_the_precision_that_went_in() -> None:
    values = torch.rand(3, 4).bfloat16().requires_grad_()

    product(values, values).backward()

    assert values.grad is not None
    assert values.grad.dtype == torch.bfloat16
