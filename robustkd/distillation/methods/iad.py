"""`iad`: match a robust teacher on adversarial examples as far as it deserves trust there, and oneself for the rest.

    L = (1 − kd_weight) · CE(z_s(x), y) + kd_weight · mean_i [ α_i · T² · KL(p_t^T(x_i) ‖ p_s^T(x̃_i))
        + (1 − α_i) · KL(p_s(x_i) ‖ p_s(x̃_i)) ]

    α_i = p_t(x̃_i)[y_i]^trust_exponent,    1 in the first `warm_up` of the epochs

x̃ is the adversarial example with the largest CE(z_s(x̃), y) that PGD from a random start finds with ‖x̃ − x‖∞ ≤ epsilon.
A teacher that the student's adversarial examples fool is trusted less, and the student then keeps to its own prediction
of the image, which gets a gradient too. While α is 1 this is `ard`. As in the published code the student is attacked in
training mode. Layer: output. Zhu et al., *Reliable Adversarial Distillation with Unreliable Teachers* (arXiv
2106.04928), IAD-I; weights, T, exponent, ε, steps and step size of the published code, which warms up for 60 of its 200
epochs.

Variants: `original` trusts the teacher by α, as the paper describes it; in `zhu2022`, the published code of IAD-I, the
    teacher's term always has the weight 1.

Deviations: the student predicts images and adversarial examples once each, in the published code twice; the gradient is
    the same. Every point of the attack is clamped to [0, 1], in the published code all but the start.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.adversarial_training import AdversarialMethod
from robustkd.distillation.method import METHODS, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel


@in_full_precision
def weighted_kd_loss(student_logits: Tensor, teacher_logits: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """T² · weight · KL(teacher ‖ student) at a temperature, averaged over images, each of which has a weight.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K); they get a gradient too, unless they are detached.
        weights: (B,).
        temperature: T > 0.

    Returns:
        A scalar ≥ 0 for weights ≥ 0, in nats times T².

    >>> import torch
    >>> import robustkd as rk
    >>> student, teacher = torch.zeros(2, 2), torch.tensor([[0.0, 0.0], [99.0, 0.0]])
    >>> round(rk.losses.weighted_kd_loss(student, teacher, torch.tensor([1.0, 2.0]), 1.0).item(), 4)  # (0 + 2 · ln 2)/2
    0.6931
    """
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    divergences = F.kl_div(student, teacher, reduction="none", log_target=True).sum(1)
    return temperature**2 * (weights * divergences).mean()


@METHODS.register("iad")
class IntrospectiveAdversarialDistillation(AdversarialMethod):
    """Match, on adversarial examples, the teacher as far as it is right there, and the student's own clean prediction.

    Args:
        student: The network to train.
        teacher: The network to learn from, a robust one.
        kd_weight: The weight of both terms on adversarial examples, 0 to 1; the labels of the images have the rest.
        temperature: T, the temperature at which the teacher is matched; the student matches itself at 1.
        trust_exponent: β, by which the teacher's probability of the label becomes the trust in it; 0 trusts it fully.
        warm_up: The share of the epochs in which the teacher is trusted fully.
        epsilon: The largest change of a pixel in [0, 1].
        step_size: The change of each pixel in a step of the attack.
        steps: The number of steps of the attack.
        variant: `original` weighs the teacher's term by the trust, `zhu2022` follows the published code.
    """

    cites = "Zhu et al. 2022"
    matches = "robust"
    cost = 11.5
    reads_labels = True
    warming_up: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 1.0,
        temperature: Annotated[float, Field(gt=0)] = 1.0,
        trust_exponent: NonNegative = 0.1,
        warm_up: Annotated[float, Field(ge=0, le=1)] = 0.3,
        epsilon: Annotated[float, Field(ge=0, le=1)] = 8 / 255,
        step_size: Annotated[float, Field(gt=0)] = 2 / 255,
        steps: Annotated[int, Field(ge=1)] = 10,
        variant: Literal["original", "zhu2022"] = "original",
    ) -> None:
        super().__init__(student, teacher, epsilon=epsilon, step_size=step_size, steps=steps)
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.trust_exponent = trust_exponent
        self.warm_up = warm_up
        self.variant = variant
        # a tensor, so that a captured or compiled step finds it
        self.register_buffer("warming_up", torch.tensor(True), persistent=False)

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Trust the teacher fully in the first epochs."""
        super().begin_epoch(stage, epoch, epochs)
        self.warming_up.fill_(epoch < self.warm_up * epochs)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch and its adversarial examples."""
        moved = self.misclassified(batch)
        adversarial_logits = self.student(moved)
        logits, teacher_logits = self.logits_of_both(batch)
        trust = self._trust(moved, batch.labels)
        of_teacher = torch.ones_like(trust) if self.variant == "zhu2022" else trust
        guidance = weighted_kd_loss(adversarial_logits, teacher_logits, of_teacher, self.temperature)
        losses = {
            "cross_entropy": (1 - self.kd_weight) * self.cross_entropy(logits, batch),
            "kd": self.kd_weight * guidance,
            "introspection": self.kd_weight * weighted_kd_loss(adversarial_logits, logits, 1 - trust, 1.0),
        }
        return Supervision(logits, losses)

    @torch.no_grad()
    def _trust(self, moved: Tensor, labels: Tensor) -> Tensor:
        p = F.softmax(self.teacher(moved).float(), dim=1).gather(1, labels[:, None])[:, 0]
        return torch.where(self.warming_up, 1.0, p**self.trust_exponent)
