"""`mkd`: match the softened predictions of several teachers, each for itself.

    L = (1 − kd_weight) · CE(z_s, y) + kd_weight · Σ_i w_i · T² · KL(p_ti^T ‖ p_s^T),    p^T = softmax(z / T)

The teachers are the members of an ensemble; w_i are their weights, which sum to 1. `hinton` with the same ensemble
matches the mean of their predictions instead: at T = 1 and equal weights, both have the same gradient. Layer: output.
Ruffy and Chahal, *The State of Knowledge Distillation for Classification* (arXiv 1912.10850), who call it MKD; T and
weight as there.

Deviations: their program loads three teachers and uses two; give the two that are to be used.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.response import as_compared
from robustkd.models import PixelModel
from robustkd.models.ensembles import members_of


@in_full_precision
def several_teachers_loss(
    student_logits: Tensor, teacher_logits: Tensor, weights: Tensor, temperature: float
) -> Tensor:
    """Σ_i w_i · T² · KL(teacher i ‖ student) at a temperature.

    Args:
        student_logits: (B, K).
        teacher_logits: (M, B, K), of M teachers.
        weights: (M,), which sum to 1.
        temperature: T > 0.

    Returns:
        A scalar ≥ 0, in nats times T².

    >>> import torch
    >>> import robustkd as rk
    >>> one = torch.tensor([[1.0, 0.0]])
    >>> both = torch.stack([one, -one])
    >>> round(rk.losses.several_teachers_loss(one, both, torch.tensor([1.0, 0.0]), 4.0).item(), 4)
    0.0
    """
    distances = [kd_loss(student_logits, each, temperature) for each in teacher_logits]
    return weights @ torch.stack(distances)


@METHODS.register("mkd")
class SeveralTeachers(Method):
    """Match the softened predictions of each member of an ensemble.

    Args:
        student: The network to train.
        teacher: The ensemble to learn from; a single network is an ensemble of one.
        kd_weight: The weight of the distillation term, 0 to 1; the labels have the rest.
        temperature: T, the temperature of all softened predictions.
        weights: A weight for each member, in its order; they are divided by their sum. All have the same if not given.
        standardise_logits: Whether all networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993).

    Raises:
        ValueError: There are more or fewer weights than members.
    """

    cites = "Ruffy and Chahal 2019"
    matches = "response"
    cost = 2.1
    shares: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.5,
        temperature: Annotated[float, Field(gt=0)] = 5.0,
        weights: tuple[Annotated[float, Field(gt=0)], ...] | None = None,
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.weights = weights
        self.standardise_logits = standardise_logits
        count = len(members_of(self.teacher))
        if weights is not None and len(weights) != count:
            raise ValueError(f"the teacher has {count} members, and there are {len(weights)} weights")
        given = torch.tensor(weights or [1.0] * count)
        self.register_buffer("shares", given / given.sum(), persistent=False)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        pixels = batch.pixels
        logits, teacher_logits = self._of_both(
            lambda: self.student(pixels),
            lambda: torch.stack([member(pixels) for member in members_of(self.teacher)]),
            batch,
        )
        student, teachers = as_compared(logits, teacher_logits, standardise=self.standardise_logits)
        distance = several_teachers_loss(student, teachers, self.shares, self.temperature)
        losses = {
            "cross_entropy": (1 - self.kd_weight) * self.cross_entropy(logits, batch),
            "kd": self.kd_weight * distance,
        }
        return Supervision(logits, losses)
