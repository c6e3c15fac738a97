"""`pgd_at`: adversarial training: learn the labels of adversarial examples instead of those of the images.

    L = CE(z_s(x̃), y),    x̃ = the example with the largest CE that the attack finds with ‖x̃ − x‖∞ ≤ epsilon

The attack is PGD from a random start on the student itself, see `adversarial_training`. No teacher: a robust student to
compare distilled ones with, or the teacher that the robust methods need. Layer: output. Madry et al., *Towards Deep
Learning Models Resistant to Adversarial Attacks* (arXiv 1706.06083), section 2.1; ε, steps and step size of the
published code for CIFAR-10. As in that code the student is attacked in training mode, with the statistics of the batch.

The training accuracy is that on adversarial examples.

Deviations: the attack maximises the smoothed cross-entropy where the recipe smooths labels.
"""

from typing import Annotated

from pydantic import Field

from robustkd.data import Batch
from robustkd.distillation.adversarial_training import AdversarialMethod
from robustkd.distillation.method import METHODS, Supervision
from robustkd.models import PixelModel


@METHODS.register("pgd_at")
class AdversarialTraining(AdversarialMethod):
    """Train on the labels of adversarial examples of the student, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        epsilon: The largest change of a pixel in [0, 1].
        step_size: The change of each pixel in a step of the attack.
        steps: The number of steps of the attack.
    """

    cites = "Madry et al. 2018"
    matches = "robust"
    cost = 9.1
    needs_teacher = False

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 8 / 255,
        step_size: Annotated[float, Field(gt=0)] = 2 / 255,
        steps: Annotated[int, Field(ge=1)] = 10,
    ) -> None:
        super().__init__(student, teacher, epsilon=epsilon, step_size=step_size, steps=steps)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on the adversarial examples of one batch."""
        moved = self.misclassified(batch)
        logits = self.student(moved)
        return Supervision(logits, {"cross_entropy": self.cross_entropy(logits, batch)})
