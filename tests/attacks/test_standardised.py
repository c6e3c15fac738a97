import pytest
import torch
from torch import Tensor, nn

from robustkd.attacks.standardised import StandardisedLogits


class Winner(nn.Module):
    """The brighter the image, the surer of class 0; the others are equal."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, pixels: Tensor) -> Tensor:
        others = torch.zeros(len(pixels), self.classes - 1)
        return torch.cat([50 * pixels.mean(dim=(1, 2, 3))[:, None], others], dim=1)


@pytest.mark.parametrize("classes", [2, 10, 100, 1000])
def test_a_winner_far_out_keeps_its_gradient_regardless_of_the_number_of_classes(classes: int) -> None:
    pixels = torch.ones(3, 1, 2, 2, requires_grad=True)

    logits = StandardisedLogits(Winner(classes))(pixels)
    nn.functional.cross_entropy(logits, torch.zeros(3, dtype=torch.int64)).backward()

    assert pixels.grad is not None
    assert (pixels.grad != 0).all()
    torch.testing.assert_close(logits[:, 0] - logits[:, 1], torch.full((3,), 9.5))


def test_logits_of_ten_classes_have_a_standard_deviation_of_three() -> None:
    logits = StandardisedLogits(nn.Flatten())(torch.rand(5, 1, 1, 10))

    torch.testing.assert_close(logits.std(dim=1), torch.full((5,), 3.0), atol=0.01, rtol=0)
