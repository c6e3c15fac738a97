"""`ard`: match the teacher's softened predictions of the images on adversarial examples.

    L = (1 − kd_weight) · CE(z_s(x), y) + kd_weight · T² · KL(p_t^T(x) ‖ p_s^T(x̃))

x̃ is the adversarial example with the largest CE(z_s(x̃), y) that PGD from a random start finds with ‖x̃ − x‖∞ ≤ epsilon.
The teacher sees clean images only. It should be robust itself, such as one trained by `pgd_at` or `trades`. As in the
published code the student is attacked in training mode. Layer: output. Goldblum et al., *Adversarially Robust
Distillation* (arXiv 1905.09747); weight, T, ε, steps and step size of the published code, where the labels have no
weight beside the attack.

The training accuracy is that on clean images.

Deviations: KL is summed over classes; the published code takes the mean over classes, which makes it K times smaller.
    Every point of the attack is clamped to [0, 1], in the published code all but the start.
"""

from typing import Annotated

from pydantic import Field

from robustkd.data import Batch
from robustkd.distillation.adversarial_training import AdversarialMethod
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Supervision
from robustkd.models import PixelModel


@METHODS.register("ard")
class AdversariallyRobustDistillation(AdversarialMethod):
    """Match, on adversarial examples, the teacher's softened predictions of the clean images.

    Args:
        student: The network to train.
        teacher: The network to learn from, a robust one.
        kd_weight: α, the weight of the distillation on adversarial examples, 0 to 1; the labels of the images have the
            rest.
        temperature: T, the temperature of both softened predictions.
        epsilon: The largest change of a pixel in [0, 1].
        step_size: The change of each pixel in a step of the attack.
        steps: The number of steps of the attack.
    """

    cites = "Goldblum et al. 2020"
    matches = "robust"
    cost = 11.0

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 1.0,
        temperature: Annotated[float, Field(gt=0)] = 30.0,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 8 / 255,
        step_size: Annotated[float, Field(gt=0)] = 2 / 255,
        steps: Annotated[int, Field(ge=1)] = 10,
    ) -> None:
        super().__init__(student, teacher, epsilon=epsilon, step_size=step_size, steps=steps)
        self.kd_weight = kd_weight
        self.temperature = temperature

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch and its adversarial examples."""
        moved = self.misclassified(batch)
        adversarial_logits = self.student(moved)
        logits, teacher_logits = self.logits_of_both(batch)
        losses = {
            "cross_entropy": (1 - self.kd_weight) * self.cross_entropy(logits, batch),
            "kd": self.kd_weight * kd_loss(adversarial_logits, teacher_logits, self.temperature),
        }
        return Supervision(logits, losses)
