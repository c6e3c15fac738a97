"""Adversarial examples that are made inside a training step, against the student as it is at that step.

    x̃ ← clamp(x̃ + step_size · sign(∂ loss / ∂x̃), x − ε, x + ε) in [0, 1]

This is projected gradient ascent in an L∞ ball (Madry et al. 2018, arXiv 1706.06083, section 2.1). All shapes are
fixed, nothing waits for the device, and only pixels get a gradient.

The attacks of `robustkd.attacks` are for evaluation. PGD of torchattacks, which they run, maximises the cross-entropy
with the labels and nothing else, and puts a whole network into evaluation mode and back into training mode, frozen
parts too. The methods here maximise other losses, and some of them attack with the statistics of the batch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.method import Method
from robustkd.models import PixelModel


@dataclass(frozen=True)
class Ascent:
    """How far adversarial examples may be from the images, and how they get there.

    Attributes:
        epsilon: The largest change of a pixel in [0, 1].
        step_size: The change of each pixel in a step.
        steps: The number of steps.
    """

    epsilon: float
    step_size: float
    steps: int

    def examples(self, network: nn.Module, pixels: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Make the adversarial examples of a batch.

        Args:
            network: The network under attack, in the mode in which it is to be attacked.
            pixels: The images, (B, C, H, W) in [0, 1].
            start: Where the ascent begins, of the same shape, in [0, 1].
            loss: Takes the network's logits, (B, K), and returns the scalar to maximise; what else it depends on is to
                have no gradient.

        Returns:
            (B, C, H, W) in [0, 1], at most `epsilon` from the images, without gradient.
        """
        lowest, highest = (pixels - self.epsilon).clamp(min=0), (pixels + self.epsilon).clamp(max=1)
        moved = start.detach()
        for _ in range(self.steps):
            with torch.enable_grad():
                moved.requires_grad_()
                # only the pixels are asked for, so parameters get no gradient
                (gradient,) = torch.autograd.grad(loss(network(moved)), moved)
            moved = (moved.detach() + self.step_size * gradient.sign()).clamp(lowest, highest)
        return moved


def anywhere_near(pixels: Tensor, epsilon: float) -> Tensor:
    """Draw a start from the whole ball: uniformly in [x − ε, x + ε], clamped to [0, 1].

    Args:
        pixels: (B, C, H, W) in [0, 1].
        epsilon: ε.
    """
    return (pixels + epsilon * (2 * torch.rand_like(pixels) - 1)).clamp(0, 1)


def close_by(pixels: Tensor) -> Tensor:
    """Draw a start very close to the images: x + 0.001 · N(0, 1), clamped to [0, 1].

    At the image itself the divergence to the clean prediction is 0, and so is its gradient.

    Args:
        pixels: (B, C, H, W) in [0, 1].
    """
    return (pixels + 0.001 * torch.randn_like(pixels)).clamp(0, 1)


class AdversarialMethod(Method):
    """A method that trains on adversarial examples of the student.

    Args:
        student: The network to train.
        teacher: The network to learn from; None without one.
        epsilon: The largest change of a pixel in [0, 1].
        step_size: The change of each pixel in a step of the attack.
        steps: The number of steps of the attack.
    """

    def __init__(
        self, student: PixelModel, teacher: PixelModel | None, *, epsilon: float, step_size: float, steps: int
    ) -> None:
        super().__init__(student, teacher)
        self.epsilon = epsilon
        self.step_size = step_size
        self.steps = steps
        self.ascent = Ascent(epsilon, step_size, steps)

    def misclassified(self, batch: Batch) -> Tensor:
        """Make the examples with the largest cross-entropy, from a random start, in the student's present mode."""
        start = anywhere_near(batch.pixels, self.epsilon)
        return self.ascent.examples(self.student, batch.pixels, start, lambda each: self.cross_entropy(each, batch))


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network in evaluation mode; afterwards each of its modules has the mode that it had.

    Args:
        network: The network.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
