"""`hinton`: match the teacher's softened predictions.

    L = (1 − kd_weight) · CE(z_s, y) + kd_weight · D(z_s, z_t)
    D = T² · KL(p_t^T ‖ p_s^T),    p^T = softmax(z / T)

KL is summed over classes and averaged over the batch; T² keeps the size of its gradient independent of T. Layer:
output. Hinton, Vinyals, Dean, *Distilling the Knowledge in a Neural Network* (arXiv 1503.02531), section 2 and equation
4; weights of sarfraz2020, Table I.

Variants, of which Stanton et al., *Does Knowledge Distillation Really Work?* (arXiv 2106.05945), tried all but `logits`
in their published code; D is

    reverse_kl      T² · KL(p_s^T ‖ p_t^T)
    symmetric_kl    T² · (KL(p_t^T ‖ p_s^T) + KL(p_s^T ‖ p_t^T))
    argmax          −T² · log p_s^T of the class that the teacher predicts
    sampled         −T² · log p_s^T of a class drawn from p_t^T at each step
    annealed        β · argmax + (1 − β) · T² · KL(p_t^T ‖ p_s^T), where β falls from ½ to 0 over the epochs
    logits          mean of (z_s − z_t)² over images and classes, without T
    brier           mean of (p_s^T − p_t^T)² over images and classes

Two more are what widely copied code has under this name. They are there to reproduce its numbers, not to be used:

    knowledge_distillation_pytorch   T² · KL(p_t^T ‖ p_s^T) / K
    kd_lib                           T² · mean of (p_s^T − p_t^T)² over images and classes

`knowledge_distillation_pytorch` (haitongli/knowledge-distillation-pytorch) takes the mean of `KLDivLoss()` over all
elements, so that the teacher weighs the less, the more classes there are. `kd_lib` (SforAiDl/KD_Lib, `VanillaKD`, with
T = 20 and a weight of 0.5) compares softened probabilities by their squared difference: for large T, its gradient is
2 / K² of that of `original`, 1/50 for ten classes.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.recipe import NonNegative
from robustkd.distillation.response import (
    as_compared,
    brier_loss,
    drawn_labels,
    logit_loss,
    reverse_kl_loss,
    symmetric_kl_loss,
    teacher_label_loss,
)
from robustkd.models import PixelModel

Variant = Literal[
    "original",
    "reverse_kl",
    "symmetric_kl",
    "argmax",
    "sampled",
    "annealed",
    "logits",
    "brier",
    "knowledge_distillation_pytorch",
    "kd_lib",
]


@METHODS.register("hinton")
class Hinton(Method):
    """Match the teacher's softened predictions.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        kd_weight: The weight of the distillation term.
        ce_weight: The weight of the labels; what `kd_weight` leaves of 1 if not given, for which it is at most 1.
        temperature: T, the temperature of both softened predictions.
        variant: How predictions are compared: as in the paper, or in another way that the module describes; two of them
            reproduce toolkits that depart from the paper.
        standardise_logits: Whether both networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993, who use T = 2 and a weight of 9).

    Raises:
        ValueError: A weight above 1 is given without `ce_weight`.
    """

    cites = "Hinton et al. 2015"
    matches = "response"
    cost = 1.7
    hardness: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: NonNegative = 0.9,
        ce_weight: NonNegative | None = None,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
        variant: Variant = "original",
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        if ce_weight is None and kd_weight > 1:
            raise ValueError(f"kd_weight is {kd_weight:g}: above 1, give ce_weight too")
        self.kd_weight = kd_weight
        self.ce_weight = ce_weight
        self.temperature = temperature
        self.variant: Variant = variant
        self.standardise_logits = standardise_logits
        self.takes_temperatures = variant == "original"
        # a tensor, so that a captured or compiled step finds it
        self.register_buffer("hardness", torch.tensor(0.5), persistent=False)

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Lower the weight of the hard labels of `annealed`."""
        super().begin_epoch(stage, epoch, epochs)
        self.hardness.fill_(0.5 * (1 - epoch / epochs))

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits, teacher_logits = self.logits_of_both(batch)
        ce_weight = 1 - self.kd_weight if self.ce_weight is None else self.ce_weight
        losses = {
            "cross_entropy": ce_weight * self.cross_entropy(logits, batch),
            "kd": self.kd_weight * self._compared(logits, teacher_logits, batch),
        }
        return Supervision(logits, losses)

    def _compared(self, student: Tensor, teacher: Tensor, batch: Batch) -> Tensor:
        student, teacher = as_compared(student, teacher, standardise=self.standardise_logits)
        temperature = self.temperature
        match self.variant:
            case "original":
                own = batch.temperature
                return kd_loss(student, teacher, temperature if own is None else own.nan_to_num(temperature))
            case "reverse_kl":
                return reverse_kl_loss(student, teacher, temperature)
            case "symmetric_kl":
                return symmetric_kl_loss(student, teacher, temperature)
            case "argmax":
                return teacher_label_loss(student, teacher.argmax(dim=1), temperature)
            case "sampled":
                return teacher_label_loss(student, drawn_labels(teacher, temperature), temperature)
            case "annealed":
                hard = teacher_label_loss(student, teacher.argmax(dim=1), temperature)
                return self.hardness * hard + (1 - self.hardness) * kd_loss(student, teacher, temperature)
            case "logits":
                return logit_loss(student, teacher)
            case "brier":
                return brier_loss(student, teacher, temperature)
            case "knowledge_distillation_pytorch":
                return kd_loss(student, teacher, temperature) / student.shape[1]
            case "kd_lib":
                return temperature**2 * brier_loss(student, teacher, temperature)
