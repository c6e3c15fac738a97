"""`bss`: distil the teacher's decision boundary with adversarial samples near it.

    L = CE(z_s, y) + w_kd · softCE_T(images) + w_bss · softCE_T(boundary samples)

    w_kd = kd_weight · (1 − e) + 1,    w_bss = max(bss_weight · (1 − 4e / 3), 0),    e = epoch / epochs, counted from 1

softCE_T is −Σ p_t^T · log p_s^T, averaged over images. Boundary samples start from the `attack_size` images that
teacher and student both classify correctly and for which Σ_{k≠y} (p_t − p_s)² is largest. For each of them a target
class is drawn from the teacher's prediction without its top class, and the image is moved towards that class on the
teacher,

    x ← clamp(x + step_size · (Δ + 1e-4) · g / ‖g‖₂),    Δ = z_y − z_target,    g = −∂Δ/∂x,

until its prediction flips or `attack_steps` are done. Layer: output. Heo et al., *Knowledge Distillation with
Adversarial Samples Supporting Decision Boundary* (arXiv 1805.05532), section 3; schedules and step of its published
code; T, attack size and steps of sarfraz2020, Table I. The published attack never applies the maximal ε of 16/255 in
that table, and neither does this one.

Variants: `sarfraz2020` clamps to pixels in [0, 1]; `original` clamps to ±2.5 in the teacher's normalised units. With
    `scale_by_temperature` both soft terms are multiplied by T², as in `hinton`. Neither paper does that: with T = 4 the
    images would weigh 64 against 1 at the start.

    `knowledge_distillation_zoo` is what the toolkit AberHu/Knowledge-Distillation-Zoo computes. It is there to
    reproduce its numbers, not to be used. Its attack takes probabilities for z, so that no step is longer than
    `step_size`, however far the boundary is. Besides, w_kd is 0, KL takes the place of softCE (with the same
    gradient), w_bss = max(bss_weight · (1 − 5e / 4), 0) with e counted from 0, but 0 in the first twentieth of the
    epochs (10 of its 200), and pixels are clamped as in `original`. Its T is 3.

Deviations: if fewer than `attack_size` images qualify, their boundary samples are repeated in the remaining slots, with
weight 0 in the loss, so that shapes are fixed and the student's batch statistics are those of boundary samples.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.boundary import base_samples, boundary_samples, draw_targets
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.distillation.response import as_compared
from robustkd.models import PixelModel

Variant = Literal["sarfraz2020", "original", "knowledge_distillation_zoo"]
ZOO = "knowledge_distillation_zoo"


@in_full_precision
def soft_cross_entropy(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Compute −Σ p_t^T · log p_s^T for each image.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0.

    Returns:
        (B,), ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> logits = torch.zeros(1, 2)
    >>> [round(each, 4) for each in rk.losses.soft_cross_entropy(logits, logits, 4.0).tolist()]  # ln 2
    [0.6931]
    """
    predicted = F.log_softmax(student_logits / temperature, dim=1)
    return -(F.softmax(teacher_logits / temperature, dim=1) * predicted).sum(1)


@METHODS.register("bss")
class BoundarySupportingSamples(Method):
    """Match the teacher's softened predictions for images and for samples near its decision boundary.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        kd_weight: The weight of the distillation on the images is this plus 1 at the start, and 1 at the end; not used
            by `knowledge_distillation_zoo`.
        bss_weight: The weight of the boundary samples at the start; it falls to 0 at three quarters of the epochs, or
            four fifths in `knowledge_distillation_zoo`.
        temperature: T, the temperature of all softened predictions.
        attack_size: The number of boundary samples in a batch.
        attack_steps: The number of steps of the attack.
        step_size: The step size of the attack.
        scale_by_temperature: Whether the soft terms are multiplied by T².
        variant: `sarfraz2020` follows the code of Sarfraz et al. 2020, `original` the original paper,
            `knowledge_distillation_zoo` a toolkit that departs from it.
        standardise_logits: Whether both networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993); the choice of boundary samples takes them as they are.
    """

    cites = "Heo et al. 2019"
    matches = "data"
    cost = 7.2
    reads_labels = True
    version = 2
    image_weight: Tensor
    boundary_weight: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: NonNegative = 3.0,
        bss_weight: NonNegative = 2.0,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
        attack_size: Annotated[int, Field(ge=1)] = 32,
        attack_steps: Annotated[int, Field(ge=1)] = 10,
        step_size: Annotated[float, Field(gt=0)] = 0.3,
        scale_by_temperature: bool = False,
        variant: Variant = "sarfraz2020",
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.kd_weight = kd_weight
        self.bss_weight = bss_weight
        self.temperature = temperature
        self.attack_size = attack_size
        self.attack_steps = attack_steps
        self.step_size = step_size
        self.scale_by_temperature = scale_by_temperature
        self.variant: Variant = variant
        self.standardise_logits = standardise_logits
        # tensors, so that a compiled step is not compiled again in every epoch
        self.register_buffer("image_weight", torch.ones(()), persistent=False)
        self.register_buffer("boundary_weight", torch.ones(()), persistent=False)
        self._attacks = True

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Set the weights of the epoch."""
        super().begin_epoch(stage, epoch, epochs)
        done = (epoch + 1) / epochs
        boundary_weight = max(self.bss_weight * (1 - 4 * done / 3), 0.0)
        if self.variant == ZOO:
            begun = epoch / epochs
            boundary_weight = 0.0 if begun < 1 / 20 else max(self.bss_weight * (1 - 5 * begun / 4), 0.0)
        scale = self.temperature**2 if self.scale_by_temperature else 1.0
        self.image_weight.fill_(scale * (self.kd_weight * (1 - done) + 1))
        self.boundary_weight.fill_(scale * boundary_weight)
        self._attacks = boundary_weight > 0

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch and its boundary samples."""
        logits, teacher_logits = self.logits_of_both(batch)
        losses = {"cross_entropy": self.cross_entropy(logits, batch)}
        if self.variant != ZOO:
            losses["kd"] = self.image_weight * self._compared(logits, teacher_logits).mean()
        if self._attacks:
            losses["boundary"] = self.boundary_weight * self._boundary_loss(batch, logits.detach(), teacher_logits)
        return Supervision(logits, losses)

    def _compared(self, logits: Tensor, teacher_logits: Tensor) -> Tensor:
        student, teacher = as_compared(logits, teacher_logits, standardise=self.standardise_logits)
        errors = soft_cross_entropy(student, teacher, self.temperature)
        return errors - soft_cross_entropy(teacher, teacher, self.temperature) if self.variant == ZOO else errors

    def _boundary_loss(self, batch: Batch, logits: Tensor, teacher_logits: Tensor) -> Tensor:
        chosen, weights = base_samples(logits, teacher_logits, batch.labels, self.attack_size)
        labels = batch.labels[chosen]
        targets = draw_targets(teacher_logits[chosen], labels)
        moved = boundary_samples(
            self.teacher,
            batch.pixels[chosen],
            labels,
            targets,
            steps=self.attack_steps,
            step_size=self.step_size,
            bounds=self._bounds(batch.pixels),
            by_probability=self.variant == ZOO,
        )
        with torch.no_grad():
            teacher_logits = self.teacher(moved)
        errors = self._compared(self.student(moved), teacher_logits)
        return (weights * errors).sum() / weights.sum().clamp(min=1)

    def _bounds(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        if self.variant != "sarfraz2020":
            mean, reach = self.teacher.mean, 2.5 * self.teacher.std
            return mean - reach, mean + reach
        return pixels.new_zeros(()), pixels.new_ones(())
