"""`trades`: adversarial training that trades accuracy on clean images for the stability of predictions.

    L = CE(z(x), y) + stability_weight · KL(p(x) ‖ p(x̃)),    x̃ = the example with the largest KL with ‖x̃ − x‖∞ ≤ epsilon

The attack starts at x + 0.001 · N(0, 1) and needs no label; the clean prediction is fixed in it, but in the loss both
predictions get a gradient. As in the published code the student is attacked in evaluation mode. No teacher. Layer:
output. Zhang et al., *Theoretically Principled Trade-off between Robustness and Accuracy* (arXiv 1901.08573), algorithm
1; weight, ε, steps and step size of its CIFAR-10 experiments.

Deviations: the published code predicts the clean images twice, once for each term; here both terms share one
    prediction. The gradient is the same, the running statistics of batch normalisation weigh clean images less. The
    start is clamped to [0, 1].
"""

from typing import Annotated

from pydantic import Field

from robustkd.data import Batch
from robustkd.distillation.adversarial_training import AdversarialMethod, close_by, evaluating
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Supervision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel


@METHODS.register("trades")
class Trades(AdversarialMethod):
    """Train on the labels, and on predictions that an attack changes little, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        stability_weight: β, the weight of the divergence between the predictions of images and adversarial examples.
        epsilon: The largest change of a pixel in [0, 1].
        step_size: The change of each pixel in a step of the attack.
        steps: The number of steps of the attack.
    """

    cites = "Zhang et al. 2019"
    matches = "robust"
    cost = 9.2
    needs_teacher = False

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        stability_weight: NonNegative = 6.0,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 0.031,
        step_size: Annotated[float, Field(gt=0)] = 0.007,
        steps: Annotated[int, Field(ge=1)] = 10,
    ) -> None:
        super().__init__(student, teacher, epsilon=epsilon, step_size=step_size, steps=steps)
        self.stability_weight = stability_weight

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch and its adversarial examples."""
        with evaluating(self.student):
            # not without gradient: in some versions of torch, autocast would reuse the weights converted here below
            clean = self.student(batch.pixels).detach()
            moved = self.ascent.examples(
                self.student, batch.pixels, close_by(batch.pixels), lambda logits: kd_loss(logits, clean, 1.0)
            )
        logits = self.student(batch.pixels)
        losses = {
            "cross_entropy": self.cross_entropy(logits, batch),
            "stability": self.stability_weight * kd_loss(self.student(moved), logits, 1.0),
        }
        return Supervision(logits, losses)
