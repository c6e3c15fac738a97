"""`dml`: several students learn together, each from the labels and from the predictions of the others.

    L_i = (1 − kd_weight) · CE(z_i, y) + kd_weight · T² · mean over j ≠ i of KL(p_j^T ‖ p_i^T)

No teacher. Peers have one architecture and different initial weights; all are trained on every batch at once, and the
gradient of L_i reaches only peer i. Layer: output. Zhang et al., *Deep Mutual Learning* (arXiv 1706.00384), equations
5 to 8, with the mean over the others as in 8; T and the number of peers from sarfraz2020, Table I, which states no
weight. The loss has the form of its authors' later code, with the weight of `hinton`.

Variants: `original` is L_i = CE + mean of KL at T = 1, and the peers are updated in turn, each on its own batch:
peer 1 on the first, peer 2 on the second, and so on. Each peer then takes 1/peers of the steps. `kd_weight` and
`temperature` are not used; `standardise_logits` is, at its T = 1.

All peers may be exported. The first is the student, which the recipe's rule ``last`` exports.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.initial_weights import twin
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.response import as_compared
from robustkd.models import PixelModel


def mutual_loss(logits: Tensor, others: Sequence[Tensor], temperature: float) -> Tensor:
    """Mean of T² · KL from each of the others to one peer.

    Args:
        logits: The logits of the peer that learns, (B, K).
        others: The logits of its peers, (B, K) each; they get no gradient.
        temperature: T > 0.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> logits = torch.tensor([[1.0, 0.0]])
    >>> round(rk.losses.mutual_loss(logits, [logits, logits], 1.0).item(), 4)
    0.0
    """
    return torch.stack([kd_loss(logits, other.detach(), temperature) for other in others]).mean()


@METHODS.register("dml")
class DeepMutualLearning(Method):
    """Train several networks that match each other's softened predictions.

    Args:
        student: The first peer; all peers have its architecture.
        teacher: Not used.
        peers: The number of networks that are trained together, the student included.
        kd_weight: The weight of the distillation term, 0 to 1; the labels have the rest.
        temperature: T, the temperature of all softened predictions.
        variant: `sarfraz2020` follows the code of Sarfraz et al. 2020, `original` the original paper.
        standardise_logits: Whether all networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993).

    Raises:
        ModelError: timm does not know the student's architecture, so no peer can be built.
    """

    cites = "Zhang et al. 2018"
    matches = "online"
    cost = 2.1
    needs_teacher = False

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        peers: Annotated[int, Field(ge=2)] = 2,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.9,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
        variant: Literal["sarfraz2020", "original"] = "sarfraz2020",
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.peers = peers
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.variant = variant
        self.standardise_logits = standardise_logits
        self.others = nn.ModuleList(twin(student, index) for index in range(1, peers))
        self._turn = 0

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Choose the peer that begins the epoch, in turn."""
        super().begin_epoch(stage, epoch, epochs)
        self._turn = epoch % self.peers

    def forward(self, batch: Batch) -> Supervision:
        """Supervise all peers on one batch, or in `original` only the peer whose turn it is."""
        learning = self._learning()
        logits = []
        for index, peer in enumerate((self.student, *self.others)):
            with torch.set_grad_enabled(index in learning):
                logits.append(peer(batch.pixels))
        temperature = 1.0 if self.variant == "original" else self.temperature
        compared = as_compared(*logits, standardise=self.standardise_logits)
        distances = [
            mutual_loss(compared[index], compared[:index] + compared[index + 1 :], temperature) for index in learning
        ]
        errors = [self.cross_entropy(logits[index], batch) for index in learning]
        ce_weight, kd_weight = (1.0, 1.0) if self.variant == "original" else (1 - self.kd_weight, self.kd_weight)
        losses = {
            "cross_entropy": ce_weight * torch.stack(errors).sum(),
            "mutual": kd_weight * torch.stack(distances).sum(),
        }
        return Supervision(logits[0], losses)

    def candidates(self) -> tuple[PixelModel, ...]:
        """Return all peers, the student first."""
        return cast(tuple[PixelModel, ...], (self.student, *self.others))

    def _learning(self) -> Sequence[int]:
        if self.variant == "sarfraz2020":
            return range(self.peers)
        turn = self._turn
        self._turn = (turn + 1) % self.peers
        return (turn,)
