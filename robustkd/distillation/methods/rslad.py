"""`rslad`: match a robust teacher's predictions of images on the images and on adversarial examples, without labels.

    L = adversarial_weight · KL(p_t(x) ‖ p_s(x̃)) + (1 − adversarial_weight) · KL(p_t(x) ‖ p_s(x))

x̃ is the adversarial example with the largest KL(p_t(x) ‖ p_s(x̃)) that is found from x + 0.001 · N(0, 1) with
‖x̃ − x‖∞ ≤ epsilon: the teacher's soft labels of clean images replace the labels in the attack too. The teacher should
be robust itself. As in the published code the student is attacked in evaluation mode. Layer: output, T = 1. Zi et al.,
*Revisiting Adversarial Robustness Distillation: Robust Soft Labels Make Student Better* (arXiv 2108.07969); weights, ε,
steps and step size of the published code.

Deviations: KL is summed over classes; the published code takes the mean over classes for CIFAR-10, which makes it K
    times smaller, and adds 1e-5 to p_t inside its logarithm, which has no gradient. The start is clamped to [0, 1].
"""

from typing import Annotated

import torch
from pydantic import Field

from robustkd.data import Batch
from robustkd.distillation.adversarial_training import AdversarialMethod, close_by, evaluating
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Supervision
from robustkd.models import PixelModel


@METHODS.register("rslad")
class RobustSoftLabels(AdversarialMethod):
    """Match, on images and on adversarial examples, the teacher's predictions of the clean images.

    Args:
        student: The network to train.
        teacher: The network to learn from, a robust one.
        adversarial_weight: The weight of the adversarial examples, 0 to 1; the images have the rest.
        epsilon: The largest change of a pixel in [0, 1].
        step_size: The change of each pixel in a step of the attack.
        steps: The number of steps of the attack.
    """

    cites = "Zi et al. 2021"
    matches = "robust"
    cost = 9.9

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        adversarial_weight: Annotated[float, Field(ge=0, le=1)] = 5 / 6,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 8 / 255,
        step_size: Annotated[float, Field(gt=0)] = 2 / 255,
        steps: Annotated[int, Field(ge=1)] = 10,
    ) -> None:
        super().__init__(student, teacher, epsilon=epsilon, step_size=step_size, steps=steps)
        self.adversarial_weight = adversarial_weight

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch and its adversarial examples."""
        with torch.no_grad():
            soft_labels = self.teacher(batch.pixels)
        with evaluating(self.student):
            moved = self.ascent.examples(
                self.student, batch.pixels, close_by(batch.pixels), lambda each: kd_loss(each, soft_labels, 1.0)
            )
        adversarial_logits, logits = self.student(moved), self.student(batch.pixels)
        losses = {
            "adversarial": self.adversarial_weight * kd_loss(adversarial_logits, soft_labels, 1.0),
            "kd": (1 - self.adversarial_weight) * kd_loss(logits, soft_labels, 1.0),
        }
        return Supervision(logits, losses)
