"""`co_teaching`: two networks teach each other which images to learn from: those with a small loss, of clean labels.

    L_i = mean of CE(z_i, y) over the images of the batch that network j ≠ i gives the smallest CE(z_j, y)

The share 1 − forget_rate · min(e / (ramp_up · epochs), 1) of a batch is kept in epoch e, counted from 1: at first
nearly all images, since networks learn clean labels before they remember wrong ones. L = L_1 + L_2, and the choice has
no gradient. No teacher. Layer: output. Han et al., *Co-teaching: Robust Training of Deep Neural Networks with Extremely
Noisy Labels* (arXiv 1804.06872), algorithm 1; its forget rate is the share of wrong labels, which must be known or
estimated; its ramp takes 10 of 200 epochs.

Both networks may be exported. The first is the student, which the recipe's rule ``last`` exports.

Deviations: the ramp is a share of the epochs. The published code divides the mean by the number of images once more,
    which Adam, its optimiser, does not notice; here it is a mean. At least one image of a batch is kept.
"""

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.initial_weights import twin
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.models import PixelModel

SLACK = 1e-4
"""The part of an image by which rounding in float32 may miss a whole number of them."""


@in_full_precision
def small_loss(
    logits: Tensor, other_logits: Tensor, labels: Tensor, kept: Tensor | float, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropy, averaged over the images of the batch for which that of another network is smallest.

    Args:
        logits: (B, K).
        other_logits: (B, K), of the network that chooses; they get no gradient.
        labels: int64 (B,), 0 to K − 1.
        kept: The share of the images to choose, 0 to 1; rounded down to whole images, at least one.
        label_smoothing: See `cross_entropy`; it applies to both networks.

    Returns:
        A scalar ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> logits, others = torch.zeros(2, 2), torch.tensor([[9.0, 0.0], [9.0, 0.0]])
    >>> labels = torch.tensor([0, 1])  # the other network finds the first likely, the second not
    >>> round(rk.losses.small_loss(logits, others, labels, 0.5).item(), 4)  # ln 2
    0.6931
    """

    def errors(each: Tensor) -> Tensor:
        return F.cross_entropy(each, labels, label_smoothing=label_smoothing, reduction="none")

    rank = errors(other_logits.detach()).argsort(stable=True).argsort()
    # of fixed shape whatever the share
    chosen = (rank + 1 <= kept * len(labels) + SLACK) | (rank == 0)
    return torch.where(chosen, errors(logits), 0.0).sum() / chosen.sum()


@METHODS.register("co_teaching")
class CoTeaching(Method):
    """Train two networks on labels of which some are wrong, each on what the other finds easy, without a teacher.

    Args:
        student: The first network; the second has its architecture.
        teacher: Not used.
        forget_rate: τ, the share of each batch that is left out in the end, best the share of wrong labels.
        ramp_up: The share of the epochs in which that is reached, 0 to 1; 0 for the full rate from the start.

    Raises:
        ModelError: timm does not know the student's architecture, so no second network can be built.
    """

    cites = "Han et al. 2018"
    matches = "labels"
    cost = 2.1
    needs_teacher = False
    reads_labels = True
    kept: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        forget_rate: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        ramp_up: Annotated[float, Field(ge=0, le=1)] = 0.05,
    ) -> None:
        super().__init__(student, teacher)
        self.forget_rate = forget_rate
        self.ramp_up = ramp_up
        self.peer = twin(student, 1)
        # a tensor, so that a captured or compiled step finds it
        self.register_buffer("kept", torch.ones(()), persistent=False)

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Set the share of the images that are kept."""
        super().begin_epoch(stage, epoch, epochs)
        ramp = self.ramp_up * epochs
        risen = min((epoch + 1) / ramp, 1.0) if ramp > 0 else 1.0
        self.kept.fill_(1 - self.forget_rate * risen)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise both networks on one batch."""
        logits, other = self.student(batch.pixels), self.peer(batch.pixels)
        losses = {
            name: small_loss(*pair, batch.labels, self.kept, self.label_smoothing)
            for name, pair in (("cross_entropy", (logits, other)), ("peer", (other, logits)))
        }
        return Supervision(logits, losses)

    def candidates(self) -> tuple[PixelModel, ...]:
        """Return both networks, the student first."""
        return (self.student, self.peer)
